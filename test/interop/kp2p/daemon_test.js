// A kp2p daemon of ours among nodes in JavaScript that are written from proto/PROTOCOL.md: each
// loads what the other provides, and who does not know the channel's name gets nothing.
// argv: the paths of kp2p-bootstrap, kp2p-start-daemon, kp2p-store, kp2p-load
const assert = require('assert').strict
const { execFile, spawn } = require('child_process')
const crypto = require('crypto')
const fs = require('fs')
const os = require('os')
const path = require('path')
const { promisify } = require('util')
const c = require('compact-encoding')
const DHT = require('hyperdht')
const Hyperswarm = require('hyperswarm')
const Protomux = require('protomux')
const { Peer } = require('./peer')
const { CHUNK_BYTES: MiB } = require('./sha1')
const wire = require('./wire')

const [bootstrapPath, daemonPath, storePath, loadPath] = process.argv.slice(2)
const CHANNEL = 'interop lab'
const READY_MS = 20000
const LOAD_MS = 30000
const TURNED_AWAY_MS = 15000 // section 7 grants 10 s

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'kp2p-interop-'))
const environment = {
  PATH: process.env.PATH,
  HOME: dir,
  KACHERY_P2P_CONFIG_DIR: path.join(dir, 'config'),
  KACHERY_STORAGE_DIR: path.join(dir, 'storage')
}
const programs = []
const swarms = [] // whatever has close() or destroy()

function soon (promise, ms, what) {
  let timer
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${what}`)), ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

// Starts a program; resolves, once it prints a line that `ready` matches, to the match.
function start (file, args, ready) {
  const child = spawn(file, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  const program = { child, words: '', ended: new Promise(resolve => child.on('close', resolve)) }
  programs.push(program)
  const match = new Promise((resolve, reject) => {
    const hear = text => {
      program.words += text
      const found = ready.exec(program.words)
      if (found) resolve(found)
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.on('error', reject)
    program.ended.then(status => reject(new Error(`${file} ended with ${status}: ${program.words}`)))
  })
  return soon(match, READY_MS, file + ' is ready')
}

async function endAll () {
  for (const { child } of programs) child.kill('SIGTERM')
  const slow = setTimeout(() => programs.forEach(({ child }) => child.kill('SIGKILL')), 5000)
  await Promise.all(programs.map(program => program.ended))
  clearTimeout(slow)
  fs.rmSync(dir, { recursive: true, force: true })
}

async function command (file, ...args) {
  const { stdout } = await promisify(execFile)(file, args, { env: environment, timeout: LOAD_MS })
  return stdout.trim()
}

function sha1Of (bytes) {
  return crypto.createHash('sha1').update(bytes).digest()
}

async function store (bytes) {
  const file = path.join(dir, 'file-' + sha1Of(bytes).toString('hex'))
  fs.writeFileSync(file, bytes)
  assert((await command(storePath, '--bare', file)).startsWith('sha1://' + sha1Of(bytes).toString('hex')))
  return sha1Of(bytes)
}

async function load (file) {
  return fs.readFileSync(await command(loadPath, `sha1://${file.toString('hex')}/x`))
}

async function weLoadWhatTheDaemonStores ({ peer, daemon }) {
  const files = [1, 65, MiB - 1, MiB, MiB + 1, 5 * MiB + 7].map(size => crypto.randomBytes(size))
  files.push(Buffer.alloc(3 * MiB + 5, 'packs well '))
  const loader = peer()
  loader.onprovider = id => { daemon.id = Buffer.from(id) }
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
  middle.swarm.joinPeer(provider.nodeId)
  await middle.join()
  assert((await load(file.sha1)).equals(file.bytes))
}

// A hyperswarm that joined the topic; its connection to the daemon, with a Protomux.
async function strangerOnTopic ({ bootstrap, daemon }) {
  const swarm = new Hyperswarm({ dht: new DHT({ bootstrap, host: '127.0.0.1', firewalled: false }) })
  swarms.push(swarm)
  const connected = new Promise(resolve => swarm.on('connection', socket => {
    socket.on('error', () => {})
    const closed = new Promise(resolve => socket.once('close', resolve))
    if (socket.remotePublicKey.equals(daemon.id)) resolve({ socket, closed, mux: Protomux.from(socket) })
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

const together = (...tests) => ({
  name: tests.map(test => test.name).join(', '),
  run: context => Promise.all(tests.map(test => test(context)))
})

async function main () {
  for (const name of ['config', 'storage']) fs.mkdirSync(path.join(dir, name))
  const address = await start(bootstrapPath, ['--host', '127.0.0.1', '--port', '0'], /127\.0\.0\.1:([1-9]\d*)/)
  const bootstrap = [{ host: '127.0.0.1', port: Number(address[1]) }]
  await start(daemonPath, ['--channel', CHANNEL, '--bootstrap', address[0], '--host', '127.0.0.1', '--port', '0',
    '--api-port', '0'], /ready/)
  const peer = () => {
    swarms.push(new Peer({ bootstrap, channels: [CHANNEL] }))
    return swarms.at(-1)
  }
  const daemon = { id: null } // what the first test learns
  const tests = [
    together(weLoadWhatTheDaemonStores), together(theDaemonLoadsWhatWeProvide),
    together(theDaemonJoinsWhatTwoPartialProvidersHave), together(theDaemonFindsAProviderBehindANeighbour),
    together(whoKnowsOnlyTheTopicIsConnectedButGetsNothing, whoReflectsTheDaemonsProofGetsNothing)
  ]
  for (const test of tests) {
    console.log(test.name)
    await test.run({ peer, bootstrap, daemon })
    await Promise.all(swarms.splice(0).map(swarm => swarm.close ? swarm.close() : swarm.destroy()))
  }
}

main().then(() => 0, error => {
  console.error(error)
  for (const { child, words } of programs) console.error(child.spawnfile + ':\n' + words.slice(-4000))
  return 1
}).then(async status => {
  await endAll()
  process.exit(status)
})
