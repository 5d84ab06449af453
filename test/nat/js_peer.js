// js_peer.js BOOTSTRAP SEED [RELAY]: as nat-peer, with hyperdht; through the relay with this key (hex).
const DHT = require('hyperdht')

const [bootstrap, seed, relay] = process.argv.slice(2)
const relayThrough = relay ? Buffer.from(relay, 'hex') : null
const keys = DHT.keyPair(Buffer.from(seed, 'hex'))
const dht = new DHT({ bootstrap: [bootstrap], keyPair: keys })

function say (what) { process.stdout.write(JSON.stringify(what) + '\n') }

function connect (words) {
  const began = performance.now()
  const relayAddresses = words.slice(2).map(text => {
    const [host, port] = text.split(':')
    return { host, port: Number(port) }
  })
  const socket = dht.connect(Buffer.from(words[1], 'hex'), { relayAddresses, relayThrough })
  socket.on('open', () => socket.write(Buffer.alloc(8, 'h')))
  socket.once('data', () => {
    const raw = socket.rawStream
    const { host, port } = raw.socket.address()
    say({
      ms: Math.round(performance.now() - began),
      remote: raw.remoteHost + ':' + raw.remotePort,
      local: host + ':' + port
    })
    setTimeout(() => socket.destroy(), 500)
  })
  socket.on('error', error => say({ error: error.code || error.message }))
}

async function main () {
  await dht.fullyBootstrapped()
  const server = dht.createServer({ relayThrough }, socket => {
    socket.on('error', () => {})
    socket.on('data', () => {})
    socket.write(Buffer.alloc(8, 'h'))
  })
  await server.listen(keys)
  say({ ready: true, key: keys.publicKey.toString('hex') })
  let rest = ''
  process.stdin.on('data', data => {
    const lines = (rest + data).split('\n')
    rest = lines.pop()
    for (const line of lines) connect(line.split(' '))
  })
  process.stdin.on('end', () => process.exit(0))
}
main()
