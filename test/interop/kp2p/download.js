// Downloads one file by its SHA-1 from any number of neighbours and verifies it from the end to the
// front, proto/PROTOCOL.md section 6. The file is held in memory.
const fzstd = require('fzstd')
const sha1 = require('./sha1')
const { PIECE_BYTES } = require('./wire')

const WINDOW_CHUNKS = 8 // outstanding per neighbour
const AHEAD_CHUNKS = 64 // asked for before the frontier has come down to them
const STALL_MS = 10000
const MAX_BYTES = 1 << 30

// One neighbour's part: what it offers and what it has been asked for.
class Source {
  constructor (download, neighbour) {
    this.download = download
    this.neighbour = neighbour
    this.transfer = neighbour.openTransfer()
    this.size = null
    this.offered = null // null: everything
    this.asked = new Map() // index → the chunk being put together
    this.heardAt = Date.now()
    this.id = this.transfer.request(download.file, this)
  }

  onopened (m) {
    if (this.size !== null) return this.download.drop(this, 'opened twice')
    const count = sha1.chunkCount(m.size)
    if (m.size === 0 || m.size > MAX_BYTES) return this.download.drop(this, 'claims a size of ' + m.size)
    if (m.have && m.have.length !== (count + 7) >> 3) return this.download.drop(this, 'wrong length of have')
    this.size = m.size
    if (m.have) {
      this.offered = new Set()
      for (let i = 0; i < count; i++) if (m.have[i >> 3] & (1 << (i & 7))) this.offered.add(i)
    }
    this.download.schedule()
  }

  onhave (m) {
    if (this.offered !== null) this.offered.add(m.index)
    this.download.schedule()
  }

  oncanceled (m) {
    this.asked.delete(m.index)
    this.download.schedule()
  }

  onlost (why) {
    this.download.drop(this, why)
  }

  offers (index) {
    return this.size !== null && (this.offered === null || this.offered.has(index))
  }

  ask (index) {
    if (this.asked.size === 0) this.heardAt = Date.now()
    const bytes = Buffer.alloc(sha1.chunkLength(this.size, index))
    this.asked.set(index, { index, bytes, filled: 0, link: null })
    this.transfer.send.get({ id: this.id, index })
  }

  ondata (m) {
    const chunk = this.asked.get(m.index)
    if (!chunk) return
    this.heardAt = Date.now()
    const length = Math.min(PIECE_BYTES, chunk.bytes.length - chunk.filled)
    const piece = plainPiece(m, length)
    if (m.offset !== chunk.filled || piece === null) return this.download.drop(this, 'sent a malformed piece')
    if (m.offset === 0) chunk.link = Buffer.from(m.link)
    chunk.bytes.set(piece, chunk.filled)
    chunk.filled += length
    if (chunk.filled < chunk.bytes.length) return
    this.asked.delete(m.index)
    this.download.onchunk(this, chunk)
  }
}

function plainPiece ({ encoding, bytes }, length) {
  if (bytes.length > PIECE_BYTES || encoding > 1) return null
  if (encoding === 0) return bytes.length === length ? bytes : null
  try {
    const plain = fzstd.decompress(bytes, new Uint8Array(length))
    return plain.length === length ? plain : null
  } catch {
    return null
  }
}

class Download {
  constructor (file) {
    this.file = file
    this.sources = new Map() // by neighbour
    this.dropped = new Set() // neighbours that are not asked again
    this.liars = new Set() // their node ids, in hexadecimal
    this.reasons = []
    this.probe = null // the source that is asked for the last chunk
    this.bytes = null // once the size is proven
    this.frontier = -1 // the lowest verified chunk
    this.trusted = null // the link before it
    this.early = new Map() // index → { source, link, after }, below the frontier
    this.finished = new Promise(resolve => { this.finish = resolve })
    this.timer = setInterval(() => this.dropStalled(), 500)
    if (file.equals(sha1.EMPTY_SHA1)) this.complete(Buffer.alloc(0))
  }

  add (neighbour) {
    if (this.isDone || this.sources.has(neighbour) || this.dropped.has(neighbour)) return
    if (this.liars.has(neighbour.nodeId.toString('hex'))) return
    try {
      this.sources.set(neighbour, new Source(this, neighbour))
    } catch (error) {
      this.reasons.push(error.message)
    }
  }

  drop (source, why) {
    if (this.sources.get(source.neighbour) !== source) return
    this.sources.delete(source.neighbour)
    this.dropped.add(source.neighbour)
    this.reasons.push(source.neighbour.name + ': ' + why)
    source.transfer.finish(source.id)
    for (const [index, chunk] of this.early) if (chunk.source === source) this.early.delete(index)
    if (this.probe === source) this.probe = null
    this.schedule()
  }

  dropLiar (source, why) {
    this.liars.add(source.neighbour.nodeId.toString('hex'))
    this.drop(source, why)
    source.neighbour.destroy(new Error(why))
  }

  dropStalled () {
    for (const source of [...this.sources.values()]) {
      if (source.asked.size > 0 && Date.now() - source.heardAt > STALL_MS) this.drop(source, 'sends nothing')
    }
  }

  schedule () {
    if (this.isDone) return
    if (this.bytes === null) return this.scheduleProbe()
    for (const source of [...this.sources.values()]) {
      if (source.size === null) continue
      if (source.size !== this.bytes.length) this.drop(source, 'claims another size')
      else this.fillWindow(source)
    }
  }

  scheduleProbe () {
    if (this.probe !== null) return
    for (const source of this.sources.values()) {
      const last = sha1.chunkCount(source.size) - 1
      if (!source.offers(last)) continue
      this.probe = source
      return source.ask(last)
    }
  }

  fillWindow (source) {
    const lowest = Math.max(0, this.frontier - AHEAD_CHUNKS)
    for (let i = this.frontier - 1; i >= lowest && source.asked.size < WINDOW_CHUNKS; i--) {
      if (source.offers(i) && !this.early.has(i) && !this.isAsked(i)) source.ask(i)
    }
  }

  isAsked (index) {
    for (const source of this.sources.values()) if (source.asked.has(index)) return true
    return false
  }

  onchunk (source, { index, bytes, link }) {
    if (index === 0 && !link.equals(sha1.FIRST_LINK)) return this.dropLiar(source, 'sent a wrong link 0')
    if (this.bytes === null) {
      this.probe = null
      if (!sha1.sha1After(link, bytes, source.size).equals(this.file)) {
        return this.dropLiar(source, 'sent a wrong last chunk')
      }
      this.bytes = Buffer.alloc(source.size)
      this.frontier = index
      this.trusted = link
    } else {
      this.early.set(index, { source, link, after: sha1.linkAfter(link, bytes) })
    }
    bytes.copy(this.bytes, index * sha1.CHUNK_BYTES)
    this.advance()
    this.schedule()
  }

  advance () {
    for (;;) {
      if (this.frontier === 0) return this.complete(this.bytes)
      const chunk = this.early.get(this.frontier - 1)
      if (!chunk) return
      if (!chunk.after.equals(this.trusted)) return this.dropLiar(chunk.source, 'sent a wrong chunk')
      this.early.delete(--this.frontier)
      this.trusted = chunk.link
    }
  }

  complete (bytes) {
    this.stop()
    this.finish(bytes)
  }

  stop () {
    this.isDone = true
    clearInterval(this.timer)
    for (const source of this.sources.values()) source.transfer.finish(source.id)
    this.sources.clear()
  }
}

module.exports = { Download }
