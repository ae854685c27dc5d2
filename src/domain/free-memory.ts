/**
 * Frees a buffer's memory now. Left to the garbage collector, buffers that pass by (what a socket read, what a cipher put
 * out) gather to many times what is in use, because V8 hardly sees what lies outside of its heap.
 *
 * Only for memory that nobody else can reach any more. A slice of something larger, such as Node's own pool, is left alone.
 */
export function freeMemory(buffer: Uint8Array): void {
  const memory = buffer.buffer;
  if (memory instanceof ArrayBuffer && memory.byteLength === buffer.byteLength && !memory.detached) memory.transfer(0);
}
