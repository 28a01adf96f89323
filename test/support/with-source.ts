import { basename, dirname } from 'node:path';
import type { Engine } from '../../src/engine/engine.ts';
import { type HeldFile, openBelow } from '../../src/platform/files/door.ts';
import { doing, nodeFiles } from '../../src/platform/files/files.ts';

export function openSource(path: string): Promise<HeldFile> {
  return doing('opening', path, () => openBelow(dirname(path), [basename(path)], nodeFiles));
}

/** The same engine, given each order's source as the worker opens it. */
export function withSource<E extends Engine>(engine: E): E {
  const run = engine.run.bind(engine);
  engine.run = async (order, context) => {
    const source = await openSource(order.source);
    return run(order, { ...context, source }).finally(() => source.close());
  };
  return engine;
}
