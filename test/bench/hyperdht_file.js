// hyperdht_file.js FILE: what a plain JavaScript program does to send a file to another computer.
// Starts a private DHT, a sender process and a receiver process on loopback; the receiver takes
// the file over one hyperdht connection and hashes it. Prints {"seconds", "bytes", "sha1"} from
// when the receiver asks, over a connection that is up, to the last byte. The parts run apart, each on an address of
// its own, as --dht ADDRESS, --send BOOTSTRAP FILE ADDRESS and --receive BOOTSTRAP KEY
// ADDRESS [SECONDS], which tells what has come by then.
const { fork } = require('child_process')
const { createHash } = require('crypto')
const { createReadStream } = require('fs')
const path = require('path')
const interop = path.join(__dirname, '..', 'interop')
const DHT = require(require.resolve('hyperdht', { paths: [interop] }))
const createTestnet = require(require.resolve('hyperdht/testnet', { paths: [interop] }))

const tell = message => process.send ? process.send(message) : console.log(JSON.stringify(message))

async function send (bootstrap, file, host) {
  const node = new DHT({ bootstrap, host, firewalled: host === '127.0.0.1' })
  const server = node.createServer(socket => {
    socket.on('error', () => {})
    socket.once('data', () => createReadStream(file, { highWaterMark: 1 << 20 }).pipe(socket))
  })
  const keyPair = DHT.keyPair()
  await server.listen(keyPair)
  tell(keyPair.publicKey.toString('hex'))
}

function receive (bootstrap, publicKey, host, limit) {
  const node = new DHT({ bootstrap, host })
  const socket = node.connect(Buffer.from(publicKey, 'hex'))
  const hash = createHash('sha1')
  let bytes = 0
  let started
  function finish () {
    const seconds = Number(process.hrtime.bigint() - started) / 1e9
    tell({ seconds, bytes, sha1: hash.digest('hex') })
  }
  socket.on('error', error => { throw error })
  socket.on('open', () => {
    started = process.hrtime.bigint()
    socket.write('?')
    if (limit) setTimeout(() => { finish(); process.exit() }, limit * 1000)
  })
  socket.on('data', data => {
    hash.update(data)
    bytes += data.length
  })
  socket.on('end', finish)
}

async function main (file) {
  const testnet = await createTestnet(3)
  const bootstrap = JSON.stringify(testnet.bootstrap)
  const children = []
  const start = (...args) => {
    const child = fork(__filename, args)
    children.push(child)
    return new Promise((resolve, reject) => {
      child.once('message', resolve)
      child.once('exit', code => reject(new Error(`a child process ended early with ${code}`)))
    })
  }
  try {
    const publicKey = await start('--send', bootstrap, file)
    console.log(JSON.stringify(await start('--receive', bootstrap, publicKey)))
  } finally {
    for (const child of children) child.kill('SIGKILL')
    await testnet.destroy()
  }
}

const [job, bootstrap, argument, host = '127.0.0.1', limit] = process.argv.slice(2)
if (job === '--send') send(JSON.parse(bootstrap), argument, host)
else if (job === '--receive') receive(JSON.parse(bootstrap), argument, host, limit)
else if (job === '--dht') createTestnet(3, { host: bootstrap }).then(dht => tell(dht.bootstrap))
else {
  main(job).catch(error => {
    console.error(error.message)
    process.exit(1)
  })
}
