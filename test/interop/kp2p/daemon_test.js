// A kp2p daemon of ours among nodes in JavaScript that are written from proto/PROTOCOL.md: each
// loads what the other provides, and who does not know the channel's name gets nothing.
const assert = require('assert').strict
const crypto = require('crypto')
const c = require('compact-encoding')
const DHT = require('hyperdht')
const Hyperswarm = require('hyperswarm')
const Protomux = require('protomux')
const { CHANNEL, LOAD_MS, READY_MS, soon, store, load, main } = require('./programs')
const { CHUNK_BYTES: MiB } = require('./sha1')
const wire = require('./wire')

const TURNED_AWAY_MS = 15000 // section 7 grants 10 s
let daemonId // what the first test learns

async function weLoadWhatTheDaemonStores ({ peer }) {
  const files = [1, 65, MiB - 1, MiB, MiB + 1, 5 * MiB + 7].map(size => crypto.randomBytes(size))
  files.push(Buffer.alloc(3 * MiB + 5, 'packs well '))
  const loader = peer()
  loader.onprovider = id => { daemonId = Buffer.from(id) }
  loader.join()
  for (const bytes of files) {
    assert((await loader.load(await store(bytes), LOAD_MS)).equals(bytes), 'differs: ' + bytes.length)
  }
}

async function theDaemonLoadsWhatWeProvide ({ peer }) {
  const provider = peer()
  const files = [1, 65, MiB - 1, MiB, MiB + 1, 5 * MiB + 7].map(size => provider.provide(crypto.randomBytes(size)))
  await provider.join()
  for (const file of files) assert((await load(file.sha1)).equals(file.bytes), 'differs: ' + file.size)
}

async function theDaemonJoinsWhatTwoPartialProvidersHave ({ peer }) {
  const bytes = crypto.randomBytes(5 * MiB + 7)
  const [even, odd] = [peer(), peer()]
  const late = even.provide(bytes, new Set([0, 2]))
  odd.provide(bytes, new Set([1, 3, 5]))
  const opened = new Promise(resolve => { late.onopen = resolve })
  await Promise.all([even.join(), odd.join()])
  const loading = load(late.sha1)
  await Promise.race([opened, loading])
  even.offer(late, 4)
  assert((await loading).equals(bytes))
}

async function theDaemonFindsAProviderBehindANeighbour ({ peer }) {
  const [middle, provider] = [peer(), peer()]
  const file = provider.provide(crypto.randomBytes(MiB + 3))
  await provider.listen()
  const met = new Promise(resolve => {
    middle.onproven = ({ nodeId }) => { if (nodeId.equals(provider.nodeId)) resolve() }
  })
  middle.swarm.joinPeer(provider.nodeId)
  await soon(met, READY_MS, 'the two nodes have met')
  await middle.join()
  assert((await load(file.sha1)).equals(file.bytes))
}

// A hyperswarm that joined the topic; its connection to the daemon, with a Protomux.
async function strangerOnTopic ({ bootstrap, keep }) {
  const dht = new DHT({ bootstrap, host: '127.0.0.1', firewalled: false })
  const swarm = keep(new Hyperswarm({ dht }))
  const connected = new Promise(resolve => swarm.on('connection', socket => {
    socket.on('error', () => {})
    const closed = new Promise(resolve => socket.once('close', resolve))
    if (socket.remotePublicKey.equals(daemonId)) resolve({ socket, closed, mux: Protomux.from(socket) })
  }))
  swarm.join(wire.topic(wire.channelKey(CHANNEL)))
  return soon(connected, READY_MS, 'a connection to the daemon')
}

// Asks for a file on a transfer channel that nothing has earned. Returns what comes back.
function askForFile (mux, file) {
  const answers = []
  const channel = mux.createChannel({ protocol: wire.TRANSFER, onopen: () => { answers.push('open') } })
  const note = name => () => answers.push(name)
  const handlers = Object.fromEntries(Object.keys(wire.transferMessages).map(name => [name, note(name)]))
  const send = wire.addMessages(channel, wire.transferMessages, handlers)
  channel.open()
  send.open({ id: 1, file })
  return answers
}

async function whoKnowsOnlyTheTopicIsConnectedButGetsNothing (context) {
  const file = await store(crypto.randomBytes(100))
  const { socket, closed, mux } = await strangerOnTopic(context)
  const key = crypto.randomBytes(32)
  const refused = new Promise(resolve => {
    const channel = mux.createChannel({
      protocol: wire.LOOKUP,
      id: wire.lookupId(key, socket.handshakeHash),
      handshake: c.raw,
      onopen: () => resolve(false),
      onclose: () => resolve(true)
    })
    channel.open(wire.proof(key, socket.handshakeHash, socket.isInitiator))
  })
  const answers = askForFile(mux, file)
  assert(await soon(refused, READY_MS, 'the lookup channel is refused'), 'a lookup channel was opened')
  await soon(closed, TURNED_AWAY_MS, 'the connection is closed')
  assert.deepEqual(answers, [])
}

// Sends the daemon's own id and proof back to it, as whoever knows no better could.
async function whoReflectsTheDaemonsProofGetsNothing (context) {
  const file = await store(crypto.randomBytes(100))
  const { closed, mux } = await strangerOnTopic(context)
  const answers = []
  const refused = new Promise(resolve => mux.pair({ protocol: wire.LOOKUP }, id => {
    const channel = mux.createChannel({
      protocol: wire.LOOKUP,
      id,
      handshake: c.raw,
      onopen: shown => {
        channel.open(shown)
        send.seeking({ request: crypto.randomBytes(16), file, hops: 0 })
      },
      onclose: resolve
    })
    const note = name => () => answers.push(name)
    const send = wire.addMessages(channel, wire.lookupMessages,
      { seeking: note('seeking'), providing: note('providing'), lacking: note('lacking') })
  }))
  const given = askForFile(mux, file)
  await soon(refused, READY_MS, 'the reflected proof is refused')
  await soon(closed, TURNED_AWAY_MS, 'the connection is closed')
  assert.deepEqual([answers, given], [[], []])
}

async function strangersAreTurnedAway (context) {
  await Promise.all([
    whoKnowsOnlyTheTopicIsConnectedButGetsNothing(context),
    whoReflectsTheDaemonsProofGetsNothing(context)
  ])
}

main([
  weLoadWhatTheDaemonStores, theDaemonLoadsWhatWeProvide, theDaemonJoinsWhatTwoPartialProvidersHave,
  theDaemonFindsAProviderBehindANeighbour, strangersAreTurnedAway
])
