/**
 * The least protobuf writer there can be: the fields of a message one after the other, as bytes. Used by tests of what reads
 * protobuf, so that no library has to be right for them to fail.
 */

export function varint(value: bigint): number[] {
  const bytes: number[] = [];
  for (let rest = BigInt.asUintN(64, value); ; rest >>= 7n) {
    if (rest < 0x80n) return [...bytes, Number(rest)];
    bytes.push(Number(rest & 0x7fn) | 0x80);
  }
}

function tag(field: number, wireType: number): number[] {
  return varint(BigInt(field * 8 + wireType));
}

export function block(field: number, bytes: Iterable<number>): number[] {
  const content = [...bytes];
  return [...tag(field, 2), ...varint(BigInt(content.length)), ...content];
}

export function text(field: number, value: string): number[] {
  return block(field, Buffer.from(value));
}

export function whole(field: number, value: bigint): number[] {
  return [...tag(field, 0), ...varint(value)];
}

function eight(field: number, write: (view: DataView) => void): number[] {
  const view = new DataView(new ArrayBuffer(8));
  write(view);
  return [...tag(field, 1), ...new Uint8Array(view.buffer)];
}

export function fixed64(field: number, value: bigint): number[] {
  return eight(field, (view) => view.setBigUint64(0, value, true));
}

export function double(field: number, value: number): number[] {
  return eight(field, (view) => view.setFloat64(0, value, true));
}

/** sint32 in zigzag. */
export function signed(field: number, value: number): number[] {
  return whole(field, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
}

export function packedDoubles(field: number, values: readonly number[]): number[] {
  return block(
    field,
    values.flatMap((value) => double(1, value).slice(1)),
  );
}

export function packedFixed64(field: number, values: readonly number[]): number[] {
  return block(
    field,
    values.flatMap((value) => fixed64(1, BigInt(value)).slice(1)),
  );
}

export function stringAttribute(key: string, value: string): number[] {
  return [...text(1, key), ...block(2, text(1, value))];
}
