// One connection's kp2p/transfer/1 channel, proto/PROTOCOL.md section 5, both directions.
const { CHUNK_BYTES, chunkCount } = require('./sha1')
const { TRANSFER, PIECE_BYTES, REFUSAL, transferMessages, addMessages } = require('./wire')

const MAX_OPEN_FILES = 32
const MAX_OUTSTANDING_GETS = 256

// A file to give: all of it, or only the chunks in the Set `offered`.
class SharedFile {
  constructor (bytes, sha1, links, offered = null) {
    this.bytes = bytes
    this.sha1 = sha1
    this.links = links
    this.offered = offered
    this.onopen = () => {} // a neighbour has opened it
  }

  get size () {
    return this.bytes.length
  }

  isOffered (index) {
    return index < this.links.length && (this.offered === null || this.offered.has(index))
  }

  have () {
    if (this.offered === null) return null
    const bits = Buffer.alloc((chunkCount(this.size) + 7) >> 3)
    for (const i of this.offered) bits[i >> 3] |= 1 << (i & 7)
    return bits
  }

  // Answers a get of an offered chunk.
  give (transfer, m) {
    transfer.enqueue(m, this)
  }
}

class Transfer {
  // `find`: gives the SharedFile of a hexadecimal SHA-1, if the remote may have it. `onclose` is
  // called once.
  constructor (mux, find, onclose) {
    this.find = find
    this.opens = new Map() // the remote's, by its id
    this.queue = [] // chunks to send, the first one under way
    this.sending = false
    this.drainWaiters = []
    this.requests = new Map() // ours, by our id
    this.nextId = 1
    this.channel = mux.createChannel({
      protocol: TRANSFER,
      ondrain: () => this.wakeSender(),
      onclose: () => {
        this.queue = []
        this.opens.clear()
        this.wakeSender()
        for (const request of this.requests.values()) request.onlost('the transfer channel closed')
        this.requests.clear()
        onclose()
      }
    })
    if (this.channel === null) throw new Error('the connection cannot open another transfer channel')
    this.send = addMessages(this.channel, transferMessages, this)
    this.channel.open()
  }

  // Requester. `request` has onopened(m), ondata(m), onhave(m), oncanceled(m), onlost(why).
  request (file, request) {
    const id = this.nextId++
    this.requests.set(id, request)
    this.send.open({ id, file })
    return id
  }

  finish (id) {
    if (this.requests.delete(id)) this.send.close({ id })
  }

  // `preparing` means nothing to it: a request waits as long as its load.
  opened (m) { this.requests.get(m.id)?.onopened(m) }
  data (m) { this.requests.get(m.id)?.ondata(m) }
  have (m) { this.requests.get(m.id)?.onhave(m) }
  canceled (m) { this.requests.get(m.id)?.oncanceled(m) }

  refused (m) {
    const request = this.requests.get(m.id)
    this.requests.delete(m.id)
    request?.onlost('refused, code ' + m.code)
  }

  // Provider.
  open (m) {
    if (this.opens.has(m.id)) return this.channel.close()
    const file = this.find(m.file.toString('hex'))
    if (!file) return this.send.refused({ id: m.id, code: REFUSAL.notFound })
    if (this.opens.size >= MAX_OPEN_FILES) return this.send.refused({ id: m.id, code: REFUSAL.tooMany })
    this.opens.set(m.id, file)
    this.send.opened({ id: m.id, size: file.size, have: file.have() })
    file.onopen()
  }

  get (m) {
    const file = this.opens.get(m.id)
    if (!file) return // refused or closed, while this was under way
    if (!file.isOffered(m.index)) return this.refuse(m.id, REFUSAL.notOffered)
    if (this.queue.length >= MAX_OUTSTANDING_GETS) return this.refuse(m.id, REFUSAL.tooMany)
    file.give(this, m)
  }

  enqueue (m, file) {
    this.queue.push({ id: m.id, index: m.index, file })
    if (!this.sending) this.sendQueue().catch(() => this.channel.close())
  }

  cancel (m) {
    const at = this.queue.findIndex(chunk => chunk.id === m.id && chunk.index === m.index)
    if (at < 0) return
    this.queue.splice(at, 1)
    this.send.canceled(m)
  }

  refuse (id, code) {
    this.close({ id })
    this.send.refused({ id, code })
  }

  close (m) {
    this.opens.delete(m.id)
    this.queue = this.queue.filter(chunk => chunk.id !== m.id)
  }

  announce (file, index) {
    for (const [id, opened] of this.opens) if (opened === file) this.send.have({ id, index })
  }

  async sendQueue () {
    this.sending = true
    while (this.queue.length > 0) await this.sendChunk(this.queue[0])
    this.sending = false
  }

  // Stops as soon as the chunk is no longer the first in the queue: it was canceled or closed.
  async sendChunk (chunk) {
    const { id, index, file } = chunk
    const bytes = file.bytes.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES)
    for (let offset = 0; offset < bytes.length && this.queue[0] === chunk; offset += PIECE_BYTES) {
      const piece = bytes.subarray(offset, offset + PIECE_BYTES)
      const drained = this.send.data({ id, index, offset, encoding: 0, link: file.links[index], bytes: piece })
      if (!drained) await new Promise(resolve => this.drainWaiters.push(resolve))
    }
    if (this.queue[0] === chunk) this.queue.shift()
  }

  wakeSender () {
    for (const wake of this.drainWaiters.splice(0)) wake()
  }
}

module.exports = { SharedFile, Transfer }
