/**
 * Reads single values of an OTLP request in its JSON form, and refuses those of the wrong type. Runs in the process of
 * `gridwatch run --ui` and in the tests' receiver. It must never trust its input: no number of values, no depth and no length
 * may cost more than the limits below.
 */
import { OtlpDecodeError, type OtlpMessage } from './otlp-wire.ts';

export type OtlpValue = string | number | boolean | null | OtlpValue[] | { [key: string]: OtlpValue };
export type OtlpAttributes = { [key: string]: OtlpValue };

/** Objects, lists and their members in one JSON body: parsed, each takes some hundred bytes of memory. */
const MAX_JSON_VALUES = 2_000_000;

/** Attribute values may nest; nobody sends more than a few levels. */
const MAX_DEPTH = 32;

/** The longest 64-bit integer has twenty characters; parsing a very long one takes seconds. */
const MAX_INTEGER_CHARS = 20;

const [COMMA, BRACE, BRACKET] = [0x2c, 0x7b, 0x5b];

export function parseJson(body: Uint8Array): OtlpMessage {
  let values = 0;
  for (const byte of body) if (byte === COMMA || byte === BRACE || byte === BRACKET) values++;
  if (values > MAX_JSON_VALUES) throw new OtlpDecodeError(`the body has more than ${MAX_JSON_VALUES} values`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    throw new OtlpDecodeError('the body is not JSON');
  }
  return toMessage(parsed);
}

export function toAttributes(list: unknown, depth = 0): OtlpAttributes {
  const attributes: OtlpAttributes = Object.create(null) as OtlpAttributes;
  for (const entry of toMessages(list)) attributes[toText(entry['key'])] = toValue(toMessage(entry['value']), depth);
  return attributes;
}

export function toValue(value: OtlpMessage, depth: number): OtlpValue {
  if (depth > MAX_DEPTH) throw new OtlpDecodeError(`an attribute is nested deeper than ${MAX_DEPTH} levels`);
  if (value['stringValue'] !== undefined) return toText(value['stringValue']);
  if (value['boolValue'] !== undefined) return value['boolValue'] === true;
  if (value['intValue'] !== undefined) return toNumber(value['intValue']);
  if (value['doubleValue'] !== undefined) return toNumber(value['doubleValue']);
  if (value['bytesValue'] !== undefined) return toText(value['bytesValue']);
  if (value['arrayValue'] !== undefined) {
    return toMessages(toMessage(value['arrayValue'])['values']).map((item) => toValue(item, depth + 1));
  }
  if (value['kvlistValue'] !== undefined) return toAttributes(toMessage(value['kvlistValue'])['values'], depth + 1);
  return null;
}

export function toMessage(value: unknown): OtlpMessage {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new OtlpDecodeError('an object was expected');
  return value as OtlpMessage;
}

export function toMessages(value: unknown): OtlpMessage[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new OtlpDecodeError('a list was expected');
  return value.map(toMessage);
}

export function toText(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') throw new OtlpDecodeError('a string was expected');
  return value;
}

/** JSON writes 64-bit integers as strings and non-finite doubles by name. */
export function toNumber(value: unknown): number {
  if (value === undefined || value === null) return 0;
  if (typeof value !== 'number' && typeof value !== 'bigint' && typeof value !== 'string')
    throw new OtlpDecodeError('a number was expected');
  const number = Number(value);
  if (Number.isNaN(number) && value !== 'NaN' && typeof value !== 'number')
    throw new OtlpDecodeError('a number was expected');
  return number;
}

export function toNumbers(value: unknown): number[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new OtlpDecodeError('a list of numbers was expected');
  return value.map(toNumber);
}

export function toBigInt(value: unknown): bigint {
  if (value === undefined || value === null) return 0n;
  if (typeof value === 'bigint') return value;
  if (typeof value === 'string' && value.length > MAX_INTEGER_CHARS)
    throw new OtlpDecodeError('a 64-bit integer was expected');
  try {
    return BigInt(value as string | number);
  } catch {
    throw new OtlpDecodeError('a 64-bit integer was expected');
  }
}
