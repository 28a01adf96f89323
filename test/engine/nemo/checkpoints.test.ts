import { describe, expect, it } from 'vitest';
import type { Json } from '../../../src/core/job.ts';
import { Checkpoints } from '../../../src/engine/checkpoints.ts';
import { type MessageRecord, taskCheckpoints } from '../../../src/engine/nemo/checkpoints.ts';
import { setUp } from './support.ts';

const MESSAGE: MessageRecord = {
  session: 's',
  text: 'compress this video',
  before: { hash: 'h', assets: [], tracks: [] },
  sentAt: 1,
  asked: 0,
};

function recorded(resume: Record<string, Json>) {
  const records: Record<string, Json> = { ...resume };
  const record = async (key: string, value: Json) => {
    records[key] = value;
  };
  return { records, checkpoints: taskCheckpoints(Checkpoints.of({ record, resume })) };
}

describe('checkpoints of the cloud engine', () => {
  it('keep the parts of one source apart', async () => {
    const { records, checkpoints } = recorded({});
    await checkpoints.message(1).set(MESSAGE);
    await checkpoints.part(2).handed.set({ n: 1, asked: 0 });
    expect(records).toEqual({ 'message.1': MESSAGE, 'part.2.handed': { n: 1, asked: 0 } });
    expect(checkpoints.part(1).handed.get()).toBeUndefined();
    expect(checkpoints.part(2).message(1).get()).toBeUndefined();
  });

  it('count as never recorded where repeating the step is free', () => {
    const { checkpoints } = recorded({ 'result.1': { render: 7 }, 'render.1': { phase: 'new' }, upload: null });
    expect(checkpoints.result(1).get()).toBeUndefined();
    expect(checkpoints.render(1).get()).toBeUndefined();
    expect(checkpoints.upload.get()).toBeUndefined();
  });

  it.each(['session', 'message.1'])('hold the job where %s cannot be read: nothing is sent again', async key => {
    const { engine, server, order, job } = await setUp();
    const first = job({ workDir: 'w' });
    await engine.run(order(), first.context);
    const resume = { ...first.records, [key]: { id: 'x' } };
    await expect(engine.run(order(), job({ workDir: 'w', resume }).context)).rejects.toMatchObject({
      code: 'unconfirmed',
    });
    expect(server.messages).toHaveLength(1);
  });
});
