import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isShrinkError } from '../../src/core/errors.ts';
import type { Json, Order } from '../../src/core/job.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { createNemoEngine } from '../../src/engine/nemo/engine.ts';
import { scaledClock } from '../support/nemo-server/clock.ts';
import { startNemoServer } from '../support/nemo-server/server.ts';
import { defaults } from '../engine/nemo/support.ts';
import { engineContract } from './engine.ts';
import { withSource } from '../support/with-source.ts';

/** How much faster than real time. */
const SPEED = 1000;

engineContract('nemo', async () => {
  const clock = scaledClock(SPEED);
  const server = await startNemoServer({ clock });
  const dir = await mkdtemp(join(tmpdir(), 'shrinkbox-nemo-'));
  const inbox = await mkdtemp(join(tmpdir(), 'shrinkbox-nemo-inbox-'));
  const source = join(inbox, 'clip.mp4');
  await writeFile(source, Buffer.alloc(10_000, 'v'));
  const nemo = withSource(createNemoEngine(defaults(server, dir, clock, SPEED)));
  return {
    engine: withPerson(nemo),
    order: {
      job: 'job1',
      source,
      sourceBytes: 10_000,
      target: { size: { kind: 'bytes', bytes: 5000 }, audio: { kind: 'keep' }, quality: 'auto', minSaving: 0 },
    },
    costlySteps: () => server.messages.length,
    close: async () => {
      await nemo.close();
      await server.stop();
      await rm(dir, { recursive: true, force: true });
      await rm(inbox, { recursive: true, force: true });
    },
  };
});

/** A message that was about to be sent in a power cut is for a person to decide about: this one says to continue. */
function withPerson(engine: Engine): Engine {
  let asked = 0;
  return {
    name: engine.name,
    async run(order: Order, context) {
      const records: Record<string, Json> = { ...context.resume };
      const record: typeof context.record = async (key, value) => {
        records[key] = value;
        await context.record(key, value);
      };
      try {
        return await engine.run({ ...order, retryCount: asked }, { ...context, record });
      } catch (error) {
        if (!isShrinkError(error, 'unconfirmed')) throw error;
        asked += 1;
        // The power does not go off at that very moment again.
        const spared: typeof record = async (key, value) => {
          const sending = key === 'message.1' && !('outcome' in (value as object));
          await record(key, value).catch(crash => {
            if (!sending) throw crash;
          });
        };
        return engine.run({ ...order, retryCount: asked }, { ...context, record: spared, resume: { ...records } });
      }
    },
  };
}
