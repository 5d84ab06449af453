// SHA-1 from any state on, for the links of proto/PROTOCOL.md, section 6. A link is a Buffer of 20
// bytes; states are Int32Arrays of 5 words.
const CHUNK_BYTES = 1048576
const FIRST_LINK = Buffer.from('67452301efcdab8998badcfe10325476c3d2e1f0', 'hex')
const EMPTY_SHA1 = Buffer.from('da39a3ee5e6b4b0d3255bfef95601890afd80709', 'hex')

const words = new Int32Array(80)

// Compresses the 64-byte blocks of bytes[start, end) into `state`.
function compress (state, bytes, start, end) {
  const w = words
  for (let at = start; at < end; at += 64) {
    for (let i = 0, p = at; i < 16; i++, p += 4) {
      w[i] = (bytes[p] << 24) | (bytes[p + 1] << 16) | (bytes[p + 2] << 8) | bytes[p + 3]
    }
    for (let i = 16; i < 80; i++) {
      const x = w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16]
      w[i] = (x << 1) | (x >>> 31)
    }
    let a = state[0]; let b = state[1]; let c = state[2]; let d = state[3]; let e = state[4]
    let i = 0
    for (; i < 20; i++) {
      const t = (((a << 5) | (a >>> 27)) + ((b & c) | (~b & d)) + e + w[i] + 0x5a827999) | 0
      e = d; d = c; c = (b << 30) | (b >>> 2); b = a; a = t
    }
    for (; i < 40; i++) {
      const t = (((a << 5) | (a >>> 27)) + (b ^ c ^ d) + e + w[i] + 0x6ed9eba1) | 0
      e = d; d = c; c = (b << 30) | (b >>> 2); b = a; a = t
    }
    for (; i < 60; i++) {
      const t = (((a << 5) | (a >>> 27)) + ((b & c) | (b & d) | (c & d)) + e + w[i] - 0x70e44324) | 0
      e = d; d = c; c = (b << 30) | (b >>> 2); b = a; a = t
    }
    for (; i < 80; i++) {
      const t = (((a << 5) | (a >>> 27)) + (b ^ c ^ d) + e + w[i] - 0x359d3e2a) | 0
      e = d; d = c; c = (b << 30) | (b >>> 2); b = a; a = t
    }
    state[0] += a; state[1] += b; state[2] += c; state[3] += d; state[4] += e
  }
}

function stateOf (link) {
  return Int32Array.from({ length: 5 }, (_, i) => link.readInt32BE(4 * i))
}

function linkOf (state) {
  const link = Buffer.alloc(20)
  for (let i = 0; i < 5; i++) link.writeInt32BE(state[i], 4 * i)
  return link
}

// The link after a whole chunk that starts from `link`.
function linkAfter (link, chunk) {
  if (chunk.length !== CHUNK_BYTES) throw new Error('not a whole chunk')
  const state = stateOf(link)
  compress(state, chunk, 0, chunk.length)
  return linkOf(state)
}

// The SHA-1 of a file of `size` bytes whose last chunk is `chunk` and starts from `link`.
function sha1After (link, chunk, size) {
  const state = stateOf(link)
  const whole = chunk.length - chunk.length % 64
  compress(state, chunk, 0, whole)
  const left = chunk.length - whole
  const tail = Buffer.alloc(left < 56 ? 64 : 128)
  chunk.copy(tail, 0, whole)
  tail[left] = 0x80
  tail.writeBigUInt64BE(BigInt(size) * 8n, tail.length - 8)
  compress(state, tail, 0, tail.length)
  return linkOf(state)
}

function chunkCount (size) {
  return Math.ceil(size / CHUNK_BYTES)
}

function chunkLength (size, index) {
  return Math.min(CHUNK_BYTES, size - index * CHUNK_BYTES)
}

// A file's SHA-1 and the link before each of its chunks.
function linksOf (bytes) {
  const links = []
  let link = FIRST_LINK
  for (let i = 0; i < chunkCount(bytes.length); i++) {
    links.push(link)
    const chunk = bytes.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES)
    if (i === chunkCount(bytes.length) - 1) return { sha1: sha1After(link, chunk, bytes.length), links }
    link = linkAfter(link, chunk)
  }
  return { sha1: EMPTY_SHA1, links }
}

module.exports = {
  CHUNK_BYTES, FIRST_LINK, EMPTY_SHA1, linkAfter, sha1After, linksOf, chunkCount, chunkLength
}
