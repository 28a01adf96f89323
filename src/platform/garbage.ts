/** What large bodies leave behind. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: { type: 'minor' }) => void;
let collect: Collect | undefined;

/**
 * Frees what was needed for a moment. Each piece of a body is a small object with 64 KiB outside the heap: V8 sees the small
 * objects and waits, until there are 64 MB outside.
 */
function collectYoung(): void {
  if (!collect) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as Collect;
  }
  collect({ type: 'minor' });
}

const EVERY_BYTES = 8 * 2 ** 20;
/** Of all bodies: an upload may come in many. */
let passed = 0;

/** A body whose pieces do not pile up in memory once they were used. */
export async function* tidied(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    yield chunk;
    passed += chunk.length;
    if (passed < EVERY_BYTES) continue;
    passed = 0;
    collectYoung();
  }
}
