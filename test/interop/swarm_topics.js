// swarm_topics.js INTEROP_SWARM: hyperswarm nodes and ours meet under topics, whoever comes first,
// and talk over a Protomux channel.
const { check, Child, run, hex, topic } = require('./dht_case')
const createTestnet = require('hyperdht/testnet')
const DHT = require('hyperdht')
const Hyperswarm = require('hyperswarm')
const Protomux = require('protomux')
const c = require('compact-encoding')

run(async (executable) => {
  const testnet = await createTestnet(6)
  const ours = await start(executable, testnet, hex(1))
  const ourKey = DHT.keyPair(Buffer.alloc(32, 1)).publicKey.toString('hex')

  ours.child.stdin.write(`join ${topic(1)}\n`)
  await announced(testnet, topic(1), ourKey)
  const visitor = await meet(testnet, topic(1), { server: false, client: true }, ourKey)
  check((await ours.line()).connected === visitor.key, 'a hyperswarm finds us under our topic')
  check(await echoes(visitor.socket), 'and a channel with it carries messages')
  const ended = endOf(visitor.socket)
  for (const channel of Protomux.from(visitor.socket)) channel.close()
  check((await ours.line()).closed === visitor.key, 'we end the connection when the channel is closed')
  check(await ended === null, 'which is no error over there')
  await visitor.swarm.destroy()

  const host = new Hyperswarm({ bootstrap: testnet.bootstrap })
  const came = connectionOf(host)
  host.join(Buffer.from(topic(2), 'hex'), { server: true, client: false })
  await host.flush()
  ours.child.stdin.write(`join ${topic(2)}\n`)
  const socket = await came
  const hostKey = host.keyPair.publicKey.toString('hex')
  check(socket.remotePublicKey.toString('hex') === ourKey, 'we find a hyperswarm under its topic')
  check((await ours.line()).connected === hostKey, 'and know who it is')
  check(await echoes(socket), 'and a channel with it carries messages')

  const second = await start(executable, testnet, hex(2))
  second.child.stdin.write(`join ${topic(2)}\n`)
  const met = [(await second.line()).connected, (await second.line()).connected].sort()
  check(met[0] === [hostKey, ourKey].sort()[0] && met[1] === [hostKey, ourKey].sort()[1],
    'a third node meets both')
  const secondKey = DHT.keyPair(Buffer.alloc(32, 2)).publicKey.toString('hex')
  check((await ours.line()).connected === secondKey, 'and we meet it')
  check(host.connections.size === 2, 'hyperswarm has one connection to each')

  const begin = Date.now()
  check(await second.stop() === 0 && await ours.stop() === 0, 'our nodes end cleanly')
  check(Date.now() - begin < 2500, 'and at once')
  const left = []
  for await (const reply of host.dht.lookup(Buffer.from(topic(2), 'hex'))) left.push(...reply.peers)
  check(left.every(peer => peer.publicKey.toString('hex') === hostKey), 'and are not found any more')
  await host.destroy()
  await testnet.destroy()
})

async function start (executable, testnet, seed) {
  const entry = `127.0.0.1:${testnet.bootstrap[0].port}`
  const node = new Child(executable, [entry, '127.0.0.1', seed, 'swarm'])
  await node.line()
  return node
}

// Returns once the node is found under the topic.
async function announced (testnet, name, key) {
  const isIt = peer => peer.publicKey.toString('hex') === key
  for (;;) {
    for await (const reply of testnet.nodes[1].lookup(Buffer.from(name, 'hex'))) {
      if (reply.peers.some(isIt)) return
    }
  }
}

function connectionOf (swarm) {
  return new Promise(resolve => swarm.on('connection', socket => {
    socket.on('error', () => {})
    resolve(socket)
  }))
}

async function meet (testnet, name, options, key) {
  const swarm = new Hyperswarm({ bootstrap: testnet.bootstrap })
  const came = connectionOf(swarm)
  swarm.join(Buffer.from(name, 'hex'), options)
  const socket = await came
  check(socket.remotePublicKey.toString('hex') === key, 'hyperswarm connects to us')
  return { swarm, socket, key: swarm.keyPair.publicKey.toString('hex') }
}

// Null when the socket ends in order, else its error.
function endOf (socket) {
  return new Promise(resolve => {
    socket.on('end', () => socket.end())
    socket.once('error', resolve)
    socket.once('close', () => resolve(null))
  })
}

// Small and large messages, many at a time, come back in order.
async function echoes (socket) {
  const mux = Protomux.from(socket)
  const sizes = [0, 1, 5000, 300000, 20, 70000]
  const rounds = 20
  let got = 0
  return new Promise(resolve => {
    const channel = mux.createChannel({ protocol: 'test', onclose: () => resolve(false) })
    const messages = [0, 1].map(type => channel.addMessage({
      encoding: c.raw,
      onmessage: data => {
        const size = sizes[got % sizes.length]
        if (type !== got % 2 || data.length !== size || (size && data[size - 1] !== got)) resolve(false)
        if (++got === sizes.length * rounds) resolve(true)
      }
    }))
    channel.open()
    mux.cork()
    for (let i = 0; i < sizes.length * rounds; i++) {
      messages[i % 2].send(Buffer.alloc(sizes[i % sizes.length], i))
      if (i % 10 === 9) { mux.uncork(); mux.cork() }
    }
    mux.uncork()
  })
}
