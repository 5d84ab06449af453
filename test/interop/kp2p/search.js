// Searches on the lookup channels of one kp2p channel, proto/PROTOCOL.md section 4: our own, and those
// that are passed on for a neighbour. A lookup is one proven channel to a neighbour: it has `send`.
const crypto = require('crypto')

const MAX_HOPS = 4
const MAX_FANOUT = 64
const MAX_REMEMBERED = 8192
const MAX_PROVIDING = 64 // per search and neighbour
const SEARCHES_PER_SECOND = 50
const SEARCHES_AT_ONCE = 500

class Search {
  constructor (request, file, hops) {
    this.request = request
    this.file = file
    this.hops = hops
    this.waiting = new Map() // lookup that has not said lacking → how often it said providing
    this.asked = 0
    this.onproviding = () => {}
    this.ondone = () => {}
  }

  ask (lookup) {
    if (this.asked++ >= MAX_FANOUT) return
    this.waiting.set(lookup, 0)
    lookup.send.seeking({ request: this.request, file: this.file, hops: this.hops })
  }

  take (lookup, m) {
    const count = this.waiting.get(lookup)
    if (count === undefined || count >= MAX_PROVIDING || !m.file.equals(this.file)) return
    this.waiting.set(lookup, count + 1)
    this.onproviding(m)
  }

  forget (lookup) {
    if (this.waiting.delete(lookup) && this.waiting.size === 0) this.ondone()
  }
}

class Searches {
  // `files`: a Map by hexadecimal SHA-1 of what this node, `nodeId`, provides.
  constructor (nodeId, files) {
    this.nodeId = nodeId
    this.files = files
    this.lookups = new Set()
    this.running = new Map() // by hexadecimal request
    this.own = new Set()
    this.handled = new Set()
  }

  add (lookup) {
    this.lookups.add(lookup)
    for (const search of this.own) search.ask(lookup)
  }

  remove (lookup) {
    this.lookups.delete(lookup)
    for (const search of [...this.running.values()]) search.forget(lookup)
  }

  remember (request) {
    this.handled.add(request)
    if (this.handled.size > MAX_REMEMBERED) this.handled.delete(this.handled.values().next().value)
  }

  // Calls onproviding(m) until stop(search). `ondone` is called whenever all who were asked lack it.
  start (file, onproviding, ondone = () => {}) {
    const search = new Search(crypto.randomBytes(16), file, MAX_HOPS)
    Object.assign(search, { onproviding, ondone })
    const key = search.request.toString('hex')
    this.remember(key)
    this.running.set(key, search)
    this.own.add(search)
    for (const lookup of this.lookups) search.ask(lookup)
    return search
  }

  stop (search) {
    this.own.delete(search)
    this.running.delete(search.request.toString('hex'))
  }

  mayAsk (asker) {
    const now = Date.now()
    const { left = SEARCHES_AT_ONCE, at = now } = asker.allowance || {}
    const allowed = Math.min(SEARCHES_AT_ONCE, left + (now - at) * SEARCHES_PER_SECOND / 1000)
    asker.allowance = { left: Math.max(0, allowed - 1), at: now }
    return allowed >= 1
  }

  seeking (asker, m) {
    const key = m.request.toString('hex')
    const answer = { request: Buffer.from(m.request) }
    if (this.handled.has(key) || !this.mayAsk(asker)) return asker.send.lacking(answer)
    this.remember(key)
    const file = this.files.get(m.file.toString('hex'))
    if (file) {
      const flags = file.offered === null ? 1 : 0
      asker.send.providing({ ...answer, file: file.sha1, size: file.size, node: this.nodeId, flags })
    }
    const others = [...this.lookups].filter(lookup => lookup !== asker)
    if (m.hops === 0 || others.length === 0) return asker.send.lacking(answer)
    const hops = Math.min(m.hops, MAX_HOPS)
    const search = new Search(answer.request, Buffer.from(m.file), hops - 1)
    const timer = setTimeout(() => search.ondone(), hops * 1000)
    search.onproviding = found => asker.send.providing(found)
    search.ondone = () => {
      clearTimeout(timer)
      this.running.delete(key)
      asker.send.lacking(answer)
    }
    this.running.set(key, search)
    for (const lookup of others) search.ask(lookup)
  }

  providing (lookup, m) {
    this.running.get(m.request.toString('hex'))?.take(lookup, m)
  }

  lacking (lookup, m) {
    this.running.get(m.request.toString('hex'))?.forget(lookup)
  }

  close () {
    for (const search of [...this.running.values()]) if (!this.own.has(search)) search.ondone()
  }
}

module.exports = { Searches }
