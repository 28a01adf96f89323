/** `poll_interval` in the file is `pollInterval` in the code: derived, so that no key is written twice. */

type CamelCase<Key> = Key extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<CamelCase<Tail>>}` : Key;

export type CamelKeys<Value> = Value extends readonly (infer Item)[]
  ? CamelKeys<Item>[]
  : Value extends object
    ? { [Key in keyof Value as CamelCase<Key>]: CamelKeys<Value[Key]> }
    : Value;

/** Renames the keys of maps at every depth; leaves everything else as it is. */
export function camelKeys<Value>(value: Value): CamelKeys<Value> {
  if (Array.isArray(value)) return value.map(camelKeys) as CamelKeys<Value>;
  if (typeof value !== 'object' || value === null) return value as CamelKeys<Value>;
  const entries = Object.entries(value).map(([key, inner]) => [
    key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
    camelKeys(inner),
  ]);
  return Object.fromEntries(entries) as CamelKeys<Value>;
}
