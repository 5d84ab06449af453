// The reference implementation works here: two JavaScript nodes meet on a private DHT and echo.
const DHT = require('hyperdht')
const createTestnet = require('hyperdht/testnet')

async function main () {
  const testnet = await createTestnet(3)
  const server = testnet.createNode().createServer(socket => socket.pipe(socket))
  const keyPair = DHT.keyPair()
  await server.listen(keyPair)

  const socket = testnet.createNode().connect(keyPair.publicKey)
  socket.write('hello')
  const echo = await new Promise((resolve, reject) => {
    socket.once('data', resolve)
    socket.once('error', reject)
  })
  if (echo.toString() !== 'hello') throw new Error('the echo differs: ' + echo)
  socket.end()
  await testnet.destroy()
}

main().catch(error => {
  console.error(error)
  process.exit(1)
})
