// What proto/PROTOCOL.md says a node answers, sentence by sentence, asked of a kp2p daemon of ours by
// a node in JavaScript that also asks what a well-behaved one would not.
const assert = require('assert').strict
const crypto = require('crypto')
const { LOAD_MS, READY_MS, soon, store, main } = require('./programs')
const { CHUNK_BYTES: MiB } = require('./sha1')
const { PIECE_BYTES, REFUSAL } = require('./wire')

const ANSWER_MS = 10000
const content = crypto.randomBytes(2 * MiB + 70000)
let file // its SHA-1, once the daemon has it
let daemonId

// Everything that one neighbour says, in the order of arrival.
class Ear {
  constructor () {
    this.heard = [] // { name, m }
    this.listeners = new Set()
  }

  hear (name, m) {
    this.heard.push({ name, m })
    for (const listener of this.listeners) listener()
  }

  all (name, matches = () => true) {
    return this.heard.filter(each => each.name === name && matches(each.m)).map(each => each.m)
  }

  // The messages of that name, once there are `count` that match.
  until (name, matches = () => true, count = 1) {
    const enough = new Promise(resolve => {
      const look = () => {
        const found = this.all(name, matches)
        if (found.length < count) return
        this.listeners.delete(look)
        resolve(found)
      }
      this.listeners.add(look)
      look()
    })
    return soon(enough, ANSWER_MS, `${count} ${name}; heard ${this.heard.slice(-20).map(each => each.name)}`)
  }
}

// A node that is connected to the daemon alone and does nothing by itself.
async function visitor ({ peer }) {
  const node = peer()
  const ear = new Ear()
  const by = name => (lookup, m) => ear.hear(name, m)
  const proven = new Promise(resolve => {
    node.channels[0].searches = {
      add: lookup => {
        ear.hear('proven', lookup)
        resolve(lookup)
      },
      remove: () => ear.hear('unproven'),
      close: () => {},
      seeking: by('seeking'),
      providing: by('providing'),
      lacking: by('lacking')
    }
  })
  await node.listen()
  node.swarm.joinPeer(daemonId)
  const lookup = await soon(proven, READY_MS, 'a channel with the daemon')
  return { ear, lookup, neighbour: lookup.neighbour, ask: lookup.send, ...transferOf(lookup.neighbour, ear) }
}

function transferOf (neighbour, ear) {
  const transfer = neighbour.openTransfer()
  for (const name of ['opened', 'data', 'have', 'canceled', 'refused']) transfer[name] = m => ear.hear(name, m)
  return { transfer, send: transfer.send }
}

const random = () => crypto.randomBytes(16)
const unknownFile = () => crypto.randomBytes(20)
const of = (key, value) => m => Buffer.isBuffer(value) ? m[key].equals(value) : m[key] === value

async function theDaemonHasAFile ({ peer }) {
  file = await store(content)
  const node = peer()
  node.onprovider = id => { daemonId = Buffer.from(id) }
  node.join()
  assert((await node.load(file, LOAD_MS)).equals(content))
}

async function seekingIsAnsweredByProvidingAndOneLacking (context) {
  const { ear, ask } = await visitor(context)
  const request = random()
  ask.seeking({ request, file, hops: 0 })
  await ear.until('lacking', of('request', request))
  assert.deepEqual(ear.heard.map(each => each.name).slice(1), ['providing', 'lacking'])
  const [found] = ear.all('providing')
  assert.deepEqual(found, { request, file, size: content.length, node: daemonId, flags: 1 })
}

async function seekingWhatNobodyHasIsAnsweredByLackingAlone (context) {
  const { ear, ask } = await visitor(context)
  const request = random()
  ask.seeking({ request, file: unknownFile(), hops: 4 })
  await ear.until('lacking', of('request', request))
  assert.deepEqual(ear.heard.map(each => each.name).slice(1), ['lacking'])
}

async function aSecondSeekingOfOneRequestIsAnsweredForOneselfAgain (context) {
  const { ear, ask } = await visitor(context)
  const [request, barrier] = [random(), random()]
  ask.seeking({ request, file, hops: 0 })
  ask.seeking({ request, file, hops: 0 })
  ask.seeking({ request: barrier, file, hops: 0 })
  await ear.until('lacking', of('request', barrier))
  await ear.until('lacking', of('request', request), 2)
  assert.equal(ear.all('providing', of('request', request)).length, 2)

  const searched = random()
  ask.seeking({ request: searched, file, hops: 4 })
  ask.seeking({ request: searched, file, hops: 4 })
  await ear.until('lacking', of('request', searched), 2)
  assert.equal(ear.all('providing', of('request', searched)).length, 1, 'while it is being passed on')
}

async function aSearchIsPassedOnWithOneHopLess (context) {
  const [asker, other] = [await visitor(context), await visitor(context)]
  for (const [hops, passed] of [[1, 0], [4, 3], [255, 3]]) {
    const request = random()
    const wanted = unknownFile()
    asker.ask.seeking({ request, file: wanted, hops })
    const [m] = await other.ear.until('seeking', of('request', request))
    assert.deepEqual(m, { request, file: wanted, hops: passed })
    const found = { request, file: wanted, size: 7, node: crypto.randomBytes(32), flags: 1 }
    other.ask.providing(found)
    assert.deepEqual(await asker.ear.until('providing', of('request', request)), [found])
    assert.equal(asker.ear.all('lacking', of('request', request)).length, 0, 'lacking came too early')
    other.ask.lacking({ request })
    await asker.ear.until('lacking', of('request', request))
    assert.equal(asker.ear.all('seeking', of('request', request)).length, 0, 'passed back to who asked')
  }
  const last = random()
  asker.ask.seeking({ request: last, file: unknownFile(), hops: 0 })
  await asker.ear.until('lacking', of('request', last))
  assert.equal(other.ear.all('seeking', of('request', last)).length, 0, 'passed on without hops left')
}

async function providingThatNobodyAskedForIsDropped (context) {
  const [asker, other] = [await visitor(context), await visitor(context)]
  const request = random()
  asker.ask.seeking({ request, file: unknownFile(), hops: 0 })
  other.ask.providing({ request, file, size: 7, node: crypto.randomBytes(32), flags: 1 })
  const barrier = random()
  other.ask.seeking({ request: barrier, file, hops: 0 })
  await other.ear.until('lacking', of('request', barrier))
  await asker.ear.until('lacking', of('request', request))
  assert.equal(asker.ear.all('providing').length, 0)
}

async function aNeighbourThatDoesNotAnswerIsWaitedForSomeSeconds (context) {
  const [asker, other] = [await visitor(context), await visitor(context)]
  const request = random()
  const before = Date.now()
  asker.ask.seeking({ request, file: unknownFile(), hops: 1 })
  await other.ear.until('seeking', of('request', request))
  await asker.ear.until('lacking', of('request', request))
  const passed = Date.now() - before
  assert(passed > 500 && passed < 5000, passed + ' ms instead of 1 s to 2 s')
}

async function moreSearchesThanGrantedAreAnsweredLacking (context) {
  const { ear, ask, lookup } = await visitor(context)
  const count = 1000
  lookup.neighbour.mux.cork()
  for (let i = 0; i < count; i++) ask.seeking({ request: random(), file, hops: 0 })
  lookup.neighbour.mux.uncork()
  await ear.until('lacking', () => true, count)
  const found = ear.all('providing').length
  assert(found >= 500 && found < 700, `${found} of ${count} answered by providing`)
}

async function aLookupMessageThatCannotBeReadClosesItsChannel (context) {
  const { ear, lookup, neighbour } = await visitor(context)
  const [mux] = [...neighbour.mux].filter(channel => channel.protocol === 'kp2p/lookup/1')
  mux.messages[0].send(Buffer.alloc(36)) // a seeking that lacks its hops
  await ear.until('unproven')
  neighbour.openLookup(neighbour.peer.channels[0])
  await ear.until('proven', each => each !== lookup)
}

async function openIsAnsweredByOpenedOrRefused (context) {
  const { ear, send } = await visitor(context)
  send.open({ id: 300, file: unknownFile() })
  send.open({ id: 7, file })
  const [refused] = await ear.until('refused')
  assert.deepEqual(refused, { id: 300, code: REFUSAL.notFound })
  const [opened] = await ear.until('opened')
  const completeInSlicesAndFiles = 1 | 2 | 8
  assert.deepEqual(opened, { id: 7, size: content.length, flags: completeInSlicesAndFiles, have: null })
}

async function aChunkComesInPiecesInOrder (context) {
  const { ear, send } = await visitor(context)
  send.open({ id: 1, file })
  await ear.until('opened')
  send.get({ id: 1, index: 2 })
  const pieces = await ear.until('data', () => true, 2)
  assert.deepEqual(pieces.map(({ id, index, offset }) => [id, index, offset]), [[1, 2, 0], [1, 2, PIECE_BYTES]])
  assert.equal(pieces[0].link.length, 20)
  if (pieces.every(piece => piece.encoding === 0)) {
    assert(Buffer.concat(pieces.map(piece => piece.bytes)).equals(content.subarray(2 * MiB)))
  }
}

async function aChunkThatIsNotOfferedIsRefusedAndTheIdIsFree (context) {
  const { ear, send } = await visitor(context)
  send.open({ id: 1, file })
  await ear.until('opened')
  send.get({ id: 1, index: 3 })
  assert.deepEqual(await ear.until('refused'), [{ id: 1, code: REFUSAL.notOffered }])
  send.open({ id: 1, file })
  await ear.until('opened', () => true, 2)
}

async function aCanceledChunkIsSaidToBeCanceledOrIsAllThere (context) {
  const { ear, send, transfer } = await visitor(context)
  send.open({ id: 1, file })
  await ear.until('opened')
  transfer.channel.cork()
  send.get({ id: 1, index: 0 })
  send.get({ id: 1, index: 1 })
  send.cancel({ id: 1, index: 1 })
  transfer.channel.uncork()
  const whole = index => ear.all('data', of('index', index)).length === MiB / PIECE_BYTES
  await ear.until('data', () => whole(0))
  await Promise.any([ear.until('data', () => whole(1)), ear.until('canceled', of('index', 1))])
  send.get({ id: 1, index: 2 })
  await ear.until('data', of('index', 2))
}

async function moreOpenFilesThanGrantedAreRefused (context) {
  const { ear, send } = await visitor(context)
  for (let id = 1; id <= 33; id++) send.open({ id, file })
  assert.deepEqual(await ear.until('refused'), [{ id: 33, code: REFUSAL.tooMany }])
  await ear.until('opened', () => true, 32)
  send.close({ id: 5 })
  send.open({ id: 33, file })
  await ear.until('opened', of('id', 33))
}

async function whatIsUnknownIsIgnored (context) {
  const { ear, send, transfer } = await visitor(context)
  const future = transfer.channel.addMessage({})
  future.send(Buffer.from('a message of a later version'))
  const open = transfer.channel.messages[0]
  open.send(Buffer.concat([Buffer.from([1]), file, Buffer.from('and a field of a later version')]))
  await ear.until('opened', of('id', 1))
}

async function whatCrossesARefusalIsIgnored (context) {
  const { ear, send, transfer } = await visitor(context)
  send.open({ id: 1, file })
  await ear.until('opened')
  transfer.channel.cork()
  send.get({ id: 1, index: 3 })
  send.get({ id: 1, index: 0 })
  send.cancel({ id: 1, index: 0 })
  send.close({ id: 1 })
  transfer.channel.uncork()
  await ear.until('refused')
  send.open({ id: 1, file })
  await ear.until('opened', () => true, 2)
  assert.equal(ear.all('refused').length, 1)
}

// What `say` says all at once closes the transfer channel, and no other; then it is opened anew.
async function closesTheTransferChannelAlone (context, say) {
  const { ear, neighbour, send, transfer } = await visitor(context)
  send.open({ id: 1, file })
  await ear.until('opened')
  transfer.channel.cork()
  say(send)
  transfer.channel.uncork()
  await soon(transfer.channel.fullyClosed(), ANSWER_MS, 'the transfer channel is closed')
  transferOf(neighbour, ear).send.open({ id: 1, file })
  await ear.until('opened', () => true, 2)
  assert.deepEqual(ear.all('unproven'), [])
}

async function aSecondOpenUnderOneIdClosesTheChannel (context) {
  await closesTheTransferChannelAlone(context, send => send.open({ id: 1, file }))
}

async function aGetBeforeOpenedClosesTheChannel (context) {
  await closesTheTransferChannelAlone(context, send => {
    send.open({ id: 2, file })
    send.get({ id: 2, index: 0 })
  })
}

async function aSecondGetOfAChunkThatIsOutstandingClosesTheChannel (context) {
  await closesTheTransferChannelAlone(context, send => {
    send.get({ id: 1, index: 0 })
    send.get({ id: 1, index: 0 })
  })
}

async function aTransferMessageThatCannotBeReadClosesItsChannelAlone (context) {
  const { ear, neighbour, transfer } = await visitor(context)
  transfer.channel.messages[0].send(Buffer.alloc(20)) // an open that lacks a byte
  await soon(transfer.channel.fullyClosed(), ANSWER_MS, 'the transfer channel is closed')
  transferOf(neighbour, ear).send.open({ id: 1, file })
  await ear.until('opened')
  assert.deepEqual(ear.all('unproven'), [])
}

main([
  theDaemonHasAFile,
  seekingIsAnsweredByProvidingAndOneLacking,
  seekingWhatNobodyHasIsAnsweredByLackingAlone,
  aSecondSeekingOfOneRequestIsAnsweredForOneselfAgain,
  aSearchIsPassedOnWithOneHopLess,
  providingThatNobodyAskedForIsDropped,
  aNeighbourThatDoesNotAnswerIsWaitedForSomeSeconds,
  moreSearchesThanGrantedAreAnsweredLacking,
  aLookupMessageThatCannotBeReadClosesItsChannel,
  openIsAnsweredByOpenedOrRefused,
  aChunkComesInPiecesInOrder,
  aChunkThatIsNotOfferedIsRefusedAndTheIdIsFree,
  aCanceledChunkIsSaidToBeCanceledOrIsAllThere,
  moreOpenFilesThanGrantedAreRefused,
  whatIsUnknownIsIgnored,
  whatCrossesARefusalIsIgnored,
  aSecondOpenUnderOneIdClosesTheChannel,
  aGetBeforeOpenedClosesTheChannel,
  aSecondGetOfAChunkThatIsOutstandingClosesTheChannel,
  aTransferMessageThatCannotBeReadClosesItsChannelAlone
])
