// js_relay.js BOOTSTRAP SEED: a relay of npm blind-relay, with the key of SEED (hex). Says
// {"ready":true,"key":...}, and {"paired":N} whenever it pairs two.
const { Server } = require('blind-relay')
const DHT = require('hyperdht')

const [bootstrap, seed] = process.argv.slice(2)
const keys = DHT.keyPair(Buffer.from(seed, 'hex'))
// Told that it is reachable, which it takes minutes to find out: until then a client behind a random
// NAT would have to punch its way to it, and hyperdht does one such punch at a time.
const dht = new DHT({ bootstrap: [bootstrap], keyPair: keys, firewalled: false })

function say (what) { process.stdout.write(JSON.stringify(what) + '\n') }

async function main () {
  await dht.fullyBootstrapped()
  const relay = new Server({ createStream: options => dht.createRawStream({ ...options, framed: true }) })
  let paired = 0
  const server = dht.createServer(socket => {
    socket.on('error', () => {})
    const session = relay.accept(socket, { id: socket.remotePublicKey })
    session.on('error', () => {})
    session.on('pair', isInitiator => { if (isInitiator) say({ paired: ++paired }) })
  })
  await server.listen(keys)
  say({ ready: true, key: keys.publicKey.toString('hex') })
  process.stdin.resume()
  process.stdin.on('end', () => process.exit(0))
}
main()
