// Two and three JavaScript kp2p nodes on a private DHT: what one stores, another loads.
const assert = require('assert').strict
const { spawn } = require('child_process')
const crypto = require('crypto')
const fs = require('fs')
const os = require('os')
const path = require('path')
const readline = require('readline')
const createTestnet = require('hyperdht/testnet')
const { Peer } = require('./peer')
const { CHUNK_BYTES: MiB } = require('./sha1')

const LOAD_MS = 20000

async function loadsFilesOfEverySize ({ peer }) {
  const provider = peer('sizes')
  const files = [0, 1, 65, MiB - 1, MiB, MiB + 1, 5 * MiB + 7].map(size => provider.provide(crypto.randomBytes(size)))
  await provider.join()
  const loader = peer('sizes')
  loader.join()
  for (const file of files) {
    const bytes = await loader.load(file.sha1, LOAD_MS)
    assert(bytes.equals(file.bytes), 'differs: ' + file.size)
  }
}

async function joinsWhatTwoPartialProvidersHave ({ peer }) {
  const bytes = crypto.randomBytes(5 * MiB + 7)
  const even = peer('parts')
  const odd = peer('parts')
  const late = even.provide(bytes, new Set([0, 2]))
  odd.provide(bytes, new Set([1, 3, 5]))
  const opened = new Promise(resolve => { late.onopen = resolve })
  await Promise.all([even.join(), odd.join()])
  const loader = peer('parts')
  loader.join()
  const loading = loader.load(late.sha1, LOAD_MS)
  await opened
  even.offer(late, 4)
  assert((await loading).equals(bytes))
}

async function goesOnWithAnHonestProviderAfterALie ({ peer }) {
  const bytes = crypto.randomBytes(4 * MiB + 1)
  const liar = peer('lie')
  const lie = liar.provide(bytes, new Set([2, 3, 4]))
  lie.bytes = Buffer.from(bytes)
  lie.bytes[2 * MiB + 5] ^= 1
  const opened = new Promise(resolve => { lie.onopen = resolve })
  await liar.join()
  const loader = peer('lie')
  loader.join()
  const loading = loader.load(lie.sha1, LOAD_MS)
  await opened
  const honest = peer('lie')
  honest.provide(bytes)
  await honest.join()
  assert((await loading).equals(bytes))
}

async function findsAProviderBehindANeighbour ({ peer }) {
  const [loader, middle, provider] = [peer('hops'), peer('hops'), peer('hops')]
  const file = provider.provide(crypto.randomBytes(MiB + 3))
  await Promise.all([middle.listen(), provider.listen()])
  middle.swarm.joinPeer(provider.nodeId)
  loader.swarm.joinPeer(middle.nodeId)
  assert((await loader.load(file.sha1, LOAD_MS)).equals(file.bytes))
}

async function givesNothingWithoutTheChannelsName ({ peer }) {
  const provider = peer('secret')
  const file = provider.provide(crypto.randomBytes(100))
  await provider.listen()
  const stranger = peer('not the secret')
  stranger.swarm.joinPeer(provider.nodeId)
  await assert.rejects(stranger.load(file.sha1, 2000), /1 connections, 0 channels proven, 0 providers/)
}

// Starts the program; `ended` resolves to its exit status and events.
function run (...args) {
  const child = spawn(process.execPath, [path.join(__dirname, '../kp2p_peer.js'), ...args])
  const events = []
  const lines = readline.createInterface(child.stdout)
  lines.on('line', line => {
    events.push(JSON.parse(line))
    if (events.at(-1).event === 'joined') child.emit('joined')
  })
  child.ended = new Promise(resolve => child.on('close', status => resolve({ status, events })))
  return child
}

async function givenTo (use, network, channel, bytes, ...lie) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'kp2p-peers-'))
  const [stored, loaded] = [path.join(dir, 'stored'), path.join(dir, 'loaded')]
  fs.writeFileSync(stored, bytes)
  const giver = run('give', network, channel, stored, ...lie)
  try {
    await new Promise(resolve => giver.on('joined', resolve))
    const sha1 = crypto.createHash('sha1').update(bytes).digest('hex')
    const ask = (job, file, seconds) => run(job, network, channel, file, loaded, seconds).ended
    await use({ ask, sha1, loaded })
  } finally {
    giver.stdin.end()
    await giver.ended
    fs.rmSync(dir, { recursive: true })
  }
}

async function worksAsAProgram ({ network }) {
  const bytes = crypto.randomBytes(3 * MiB)
  await givenTo(async ({ ask, sha1, loaded }) => {
    const done = await ask('get', sha1, '20')
    assert.equal(done.status, 0, JSON.stringify(done.events))
    assert(fs.readFileSync(loaded).equals(bytes))
    const missed = await ask('get', '00'.repeat(20), '2')
    assert.equal(missed.status, 1)
    assert.match(missed.events.at(-1).message, /1 connections, 1 channels proven, 0 providers found/)
    const knock = await ask('knock', sha1, '2')
    assert.equal(knock.status, 1)
    assert(knock.events.some(each => each.event === 'unproven'), JSON.stringify(knock.events))
  }, network, 'program', bytes)
}

async function saysWhichLieItWasTold ({ network }) {
  const lies = {
    byte: /sent a wrong chunk/,
    last: /sent a wrong last chunk/,
    link: /sent a wrong last chunk/,
    size: /sent a wrong last chunk|malformed piece/,
    garbage: /transfer channel closed/
  }
  await Promise.all(Object.entries(lies).map(([lie, why]) => givenTo(async ({ ask, sha1, loaded }) => {
    const { status, events } = await ask('get', sha1, '10')
    assert.equal(status, 1)
    assert.match(events.at(-1).message, why, lie)
    assert(!fs.existsSync(loaded))
  }, network, lie, crypto.randomBytes(2 * MiB + 9), lie)))
}

async function main () {
  const testnet = await createTestnet(3)
  const network = testnet.bootstrap.map(node => node.host + ':' + node.port).join(',')
  const peers = []
  const peer = name => {
    peers.push(new Peer({ bootstrap: testnet.bootstrap, channels: [name] }))
    return peers.at(-1)
  }
  const tests = [
    loadsFilesOfEverySize, joinsWhatTwoPartialProvidersHave, goesOnWithAnHonestProviderAfterALie,
    findsAProviderBehindANeighbour, givesNothingWithoutTheChannelsName, worksAsAProgram,
    saysWhichLieItWasTold
  ]
  for (const test of tests) {
    console.log(test.name)
    await test({ peer, network })
    await Promise.all(peers.splice(0).map(peer => peer.destroy()))
  }
  await testnet.destroy()
}

main().catch(error => {
  console.error(error)
  process.exit(1)
})
