/** The checksum of Google Cloud Storage. Node has CRC32, but not Castagnoli's; sixteen bytes a step is 1.4 GB/s a core. */
const POLYNOMIAL = 0x82f63b78;
const STEP = 16;

const TABLES: readonly Int32Array[] = makeTables();
const [T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15] = TABLES as unknown as Sixteen;
type Sixteen = [
  ...[Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array],
  ...[Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array],
];

/** Table k gives the effect of a byte that k more bytes follow. */
function makeTables(): Int32Array[] {
  const first = Int32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
    return value;
  });
  const tables = [first];
  while (tables.length < STEP) {
    const previous = tables.at(-1)!;
    tables.push(previous.map((value) => (value >>> 8) ^ first[value & 0xff]!));
  }
  return tables;
}

/** CRC32C of `body` as an unsigned number. */
export function crc32c(body: Uint8Array): number {
  let crc = -1;
  let at = 0;
  for (const whole = body.length - (body.length % STEP); at < whole; at += STEP)
    crc =
      T15[(crc ^ body[at]!) & 0xff]! ^
      T14[((crc >>> 8) ^ body[at + 1]!) & 0xff]! ^
      T13[((crc >>> 16) ^ body[at + 2]!) & 0xff]! ^
      T12[(crc >>> 24) ^ body[at + 3]!]! ^
      T11[body[at + 4]!]! ^
      T10[body[at + 5]!]! ^
      T9[body[at + 6]!]! ^
      T8[body[at + 7]!]! ^
      T7[body[at + 8]!]! ^
      T6[body[at + 9]!]! ^
      T5[body[at + 10]!]! ^
      T4[body[at + 11]!]! ^
      T3[body[at + 12]!]! ^
      T2[body[at + 13]!]! ^
      T1[body[at + 14]!]! ^
      T0[body[at + 15]!]!;
  for (; at < body.length; at++) crc = (crc >>> 8) ^ T0[(crc ^ body[at]!) & 0xff]!;
  return ~crc >>> 0;
}

/** As the store writes it: big-endian, base64. */
export function crc32cBase64(body: Uint8Array): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32c(body));
  return bytes.toString('base64');
}
