// A kp2p node in JavaScript, written from proto/PROTOCOL.md on top of the npm packages alone.
//   kp2p_peer.js get  BOOTSTRAP CHANNEL SHA1 OUT       finds, downloads and verifies a file
//   kp2p_peer.js give BOOTSTRAP CHANNEL FILE [LIE]     provides FILE until its stdin closes
//   kp2p_peer.js knock BOOTSTRAP CHANNEL SHA1          sees the topic, does not know the name
// BOOTSTRAP is HOST:PORT. Prints one JSON object per event. LIE is one of: byte (alters one byte
// of chunk 0), last (one of the last chunk), link (a wrong link before the last chunk), size
// (claims one byte more), stall (never answers a get), garbage (frames that cannot be read).
const { createHash, randomBytes } = require('crypto')
const fs = require('fs')
const zlib = require('zlib')
const c = require('compact-encoding')
const DHT = require('hyperdht')
const Hyperswarm = require('hyperswarm')
const Protomux = require('protomux')
const sodium = require('sodium-universal')
const sha1Links = require('./sha1_links')

const CHUNK = 1 << 20
const PIECE = 1 << 16
const WINDOW = 16 // chunks asked for at once
const HOPS = 4
const IDLE_MS = 20000

const seeking = { request: c.fixed(16), file: c.fixed(20), hops: c.uint8 }
const providing = { request: c.fixed(16), file: c.fixed(20), size: c.uint, node: c.fixed32, flags: c.uint8 }
const lacking = { request: c.fixed(16) }
const open = { id: c.uint, file: c.fixed(20) }
const opened = { id: c.uint, size: c.uint, flags: c.uint8 }
const chunk = { id: c.uint, index: c.uint }
const data = { id: c.uint, index: c.uint, offset: c.uint, encoding: c.uint8 }
const refused = { id: c.uint, code: c.uint }
const close = { id: c.uint }

function encode (fields, values, tail = Buffer.alloc(0)) {
  const state = { start: 0, end: 0, buffer: null }
  for (const name in fields) fields[name].preencode(state, values[name])
  state.buffer = Buffer.alloc(state.end)
  for (const name in fields) fields[name].encode(state, values[name])
  return Buffer.concat([state.buffer, tail])
}

function decode (fields, buffer) {
  const state = { start: 0, end: buffer.length, buffer }
  const values = {}
  for (const name in fields) values[name] = fields[name].decode(state)
  values.rest = buffer.subarray(state.start)
  return values
}

function keyed (key, ...parts) {
  const out = Buffer.alloc(32)
  sodium.crypto_generichash(out, Buffer.concat(parts), key)
  return out
}

function channelKey (name) {
  const key = Buffer.alloc(32)
  sodium.crypto_pwhash(key, Buffer.from(name), Buffer.from('kp2p channel key'),
    sodium.crypto_pwhash_OPSLIMIT_INTERACTIVE, sodium.crypto_pwhash_MEMLIMIT_INTERACTIVE,
    sodium.crypto_pwhash_ALG_ARGON2ID13)
  return key
}

function tell (event, fields = {}) {
  console.log(JSON.stringify({ event, ...fields }))
}

// One connection with its two kinds of channel. `node` answers what arrives.
class Neighbour {
  constructor (node, stream) {
    this.node = node
    this.id = stream.remotePublicKey
    stream.on('error', () => {})
    stream.on('close', () => node.lost(this))
    this.mux = Protomux.from(stream)
    const hash = stream.handshakeHash
    const side = initiator => Buffer.from([initiator ? 0 : 1])
    const proof = initiator => keyed(node.key, Buffer.from('kp2p member'), hash, side(initiator))
    const theirs = proof(!stream.isInitiator)
    this.lookup = this.mux.createChannel({
      protocol: 'kp2p/lookup/1',
      id: keyed(node.key, Buffer.from('kp2p lookup'), hash),
      handshake: c.raw,
      onopen: shown => shown.equals(theirs) ? node.proven(this) : this.lookup.close(),
      onclose: () => node.unproven(this)
    })
    this.seeking = this.#message(this.lookup, seeking, m => node.onSeeking(this, m))
    this.providing = this.#message(this.lookup, providing, m => node.onProviding(this, m))
    this.lacking = this.#message(this.lookup, lacking, m => node.onLacking(this, m))
    this.transfer = this.mux.createChannel({ protocol: 'kp2p/transfer/1' })
    this.open = this.#message(this.transfer, open, m => node.onOpen(this, m))
    this.opened = this.#message(this.transfer, opened, m => node.onOpened(this, m))
    this.get = this.#message(this.transfer, chunk, m => node.onGet(this, m))
    this.data = this.#message(this.transfer, data, m => node.onData(this, m))
    this.have = this.#message(this.transfer, chunk, () => {})
    this.cancel = this.#message(this.transfer, chunk, () => {})
    this.canceled = this.#message(this.transfer, chunk, () => {})
    this.refused = this.#message(this.transfer, refused, m => node.onRefused(this, m))
    this.close = this.#message(this.transfer, close, () => {})
    this.lookup.open(proof(stream.isInitiator))
    this.transfer.open()
  }

  #message (channel, fields, receive) {
    const message = channel.addMessage({ encoding: c.raw, onmessage: b => receive(decode(fields, b)) })
    const send = (values, tail) => message.send(encode(fields, values, tail))
    send.raw = buffer => message.send(buffer)
    return send
  }
}

class Node {
  constructor (bootstrap, channel) {
    const [host, port] = bootstrap.split(':')
    this.key = channelKey(channel)
    this.topic = keyed(this.key, Buffer.from('kp2p topic'))
    const dht = new DHT({ bootstrap: [{ host, port: Number(port) }], host: '127.0.0.1' })
    this.swarm = new Hyperswarm({ dht })
    this.swarm.on('connection', stream => {
      tell('connection', { node: stream.remotePublicKey.toString('hex') })
      this.connected(stream)
    })
  }

  async join () {
    await this.swarm.join(this.topic).flushed()
    tell('joined', { node: this.swarm.keyPair.publicKey.toString('hex') })
  }

  connected (stream) { return new Neighbour(this, stream) }
  proven () {}
  unproven () {}
  lost () {}
  onSeeking (neighbour, { request }) { neighbour.lacking({ request }) }
  onProviding () {}
  onLacking () {}
  onOpen (neighbour, { id }) { neighbour.refused({ id, code: 1 }) }
  onOpened () {}
  onGet () {}
  onData () {}
  onRefused () {}
}

class Giver extends Node {
  constructor (bootstrap, channel, file, lie) {
    super(bootstrap, channel)
    this.bytes = fs.readFileSync(file)
    this.lie = lie
    this.sha1 = createHash('sha1').update(this.bytes).digest()
    this.links = [sha1Links.LINK_0]
    this.last = Math.ceil(this.bytes.length / CHUNK) - 1
    for (let i = 0; i < this.last; i++) this.links.push(sha1Links.compress(this.links[i], this.chunk(i)))
    this.size = this.bytes.length + (lie === 'size' ? 1 : 0)
  }

  chunk (index) { return this.bytes.subarray(index * CHUNK, (index + 1) * CHUNK) }

  onSeeking (neighbour, { request, file }) {
    if (file.equals(this.sha1)) {
      const node = this.swarm.keyPair.publicKey
      neighbour.providing({ request, file, size: this.size, node, flags: 1 })
    }
    neighbour.lacking({ request })
  }

  onOpen (neighbour, { id, file }) {
    if (!file.equals(this.sha1)) neighbour.refused({ id, code: 1 })
    else neighbour.opened({ id, size: this.size, flags: 1 })
  }

  onGet (neighbour, { id, index }) {
    tell('get', { index })
    if (this.lie === 'stall') return
    if (this.lie === 'garbage') return neighbour.data.raw(randomBytes(1000).fill(0xff, 0, 9))
    const bytes = Buffer.from(this.chunk(index))
    const altered = this.lie === 'byte' ? 0 : this.lie === 'last' ? this.last : -1
    if (index === altered) bytes[bytes.length >> 1] ^= 1
    const link = Buffer.from(this.links[index])
    if (this.lie === 'link' && index === this.last) link[7] ^= 1
    for (let offset = 0; offset < bytes.length; offset += PIECE) {
      const piece = bytes.subarray(offset, offset + PIECE)
      const tail = offset === 0 ? Buffer.concat([link, piece]) : piece
      neighbour.data({ id, index, offset, encoding: 0 }, tail)
    }
  }
}

class Getter extends Node {
  constructor (bootstrap, channel, sha1, done) {
    super(bootstrap, channel)
    this.sha1 = Buffer.from(sha1, 'hex')
    this.request = randomBytes(16)
    this.done = done
    this.provider = null
    this.neighbours = new Map()
  }

  proven (neighbour) {
    this.neighbours.set(neighbour.id.toString('hex'), neighbour)
    neighbour.seeking({ request: this.request, file: this.sha1, hops: HOPS })
  }

  onProviding (_, { request, file, node, flags }) {
    if (!request.equals(this.request) || !file.equals(this.sha1) || this.provider || !(flags & 1)) return
    const provider = this.neighbours.get(node.toString('hex'))
    if (!provider) return this.swarm.joinPeer(node)
    this.provider = provider
    tell('provider', { node: node.toString('hex') })
    provider.open({ id: 1, file: this.sha1 })
  }

  onRefused (_, { code }) { this.fail(`refused with ${code}`) }
  lost (neighbour) { if (neighbour === this.provider) this.fail('the provider is gone') }
  fail (why) { this.done(new Error(why)) }

  onOpened (_, { size, flags }) {
    if (!(flags & 1)) return this.fail('the provider has only a part')
    this.size = size
    this.bytes = Buffer.alloc(size)
    this.count = Math.ceil(size / CHUNK)
    this.arrived = new Map() // index -> { link, filled } of chunks that are not verified yet
    this.trusted = null // the link after the chunk at the frontier
    this.frontier = this.count - 1 // the next chunk to verify
    this.asked = this.count // chunks from here on were asked for
    this.ask(1) // nothing else before the size is proven
  }

  ask (window) {
    while (this.asked > 0 && this.asked > this.frontier + 1 - window) {
      this.provider.get({ id: 1, index: --this.asked })
    }
  }

  onData (_, { index, offset, encoding, rest }) {
    const length = Math.min(CHUNK, this.size - index * CHUNK)
    const want = Math.min(PIECE, length - offset)
    const part = this.arrived.get(index) || { link: rest.subarray(0, 20), filled: 0 }
    let piece = offset === 0 ? rest.subarray(20) : rest
    if (encoding === 1) piece = zlib.zstdDecompressSync(piece, { maxOutputLength: want })
    if (offset !== part.filled || piece.length !== want) return this.fail('a piece does not fit')
    piece.copy(this.bytes, index * CHUNK + offset)
    part.filled += want
    part.whole = part.filled === length
    this.arrived.set(index, part)
    this.advance()
  }

  advance () {
    while (this.frontier >= 0 && this.arrived.get(this.frontier)?.whole) {
      const { link } = this.arrived.get(this.frontier)
      const bytes = this.bytes.subarray(this.frontier * CHUNK, Math.min((this.frontier + 1) * CHUNK, this.size))
      const last = this.trusted === null
      const reached = last ? sha1Links.finish(link, bytes, this.size) : sha1Links.compress(link, bytes)
      if (!reached.equals(last ? this.sha1 : this.trusted)) return this.fail(`chunk ${this.frontier} is wrong`)
      this.trusted = Buffer.from(link)
      this.arrived.delete(this.frontier--)
    }
    if (this.trusted !== null) this.ask(WINDOW)
    if (this.frontier >= 0) return
    if (!this.trusted.equals(sha1Links.LINK_0)) return this.fail('link 0 is not the constant')
    this.provider.close({ id: 1 })
    this.done(null, this.bytes)
  }
}

// Knows a topic but not the name that it is made from: tries to be let in all the same.
class Knocker extends Getter {
  constructor (bootstrap, channel, sha1, done) {
    super(bootstrap, channel, sha1, done)
    this.key = randomBytes(32)
  }

  connected (stream) {
    const neighbour = super.connected(stream)
    neighbour.mux.stream.on('close', () => tell('closed'))
    neighbour.transfer.fullyOpened().then(isOpen => tell('transfer', { open: isOpen }))
    neighbour.open({ id: 1, file: this.sha1 })
    return neighbour
  }

  unproven () { tell('unproven') }
}

async function main ([job, bootstrap, channel, what, extra]) {
  if (job === 'give') {
    const node = new Giver(bootstrap, channel, what, extra)
    await node.join()
    process.stdin.resume().on('end', () => process.exit(0))
    return
  }
  const Kind = job === 'get' ? Getter : Knocker
  const bytes = await new Promise((resolve, reject) => {
    const node = new Kind(bootstrap, channel, what, (error, bytes) => error ? reject(error) : resolve(bytes))
    node.join().catch(reject)
    setTimeout(() => reject(new Error('it took too long')), IDLE_MS).unref()
  })
  fs.writeFileSync(extra, bytes)
  tell('result', { bytes: bytes.length })
  process.exit(0)
}

main(process.argv.slice(2)).catch(error => {
  tell('error', { message: error.message })
  process.exit(1)
})
