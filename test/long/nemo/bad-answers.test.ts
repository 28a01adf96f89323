/**
 * Bad answers of any kind at any step, drawn from a seed (`SHRINKBOX_SEED`, `SHRINKBOX_CASES_COUNT`): the job waits, is held or fails
 * with a reason; it is done once the weather is fine again; and nothing is paid for or rendered twice.
 */
import { describe, expect, it, vi } from 'vitest';
import { adviceFor, backoffMs, ShrinkError } from '../../../src/core/errors.ts';
import { sleep } from '../../../src/platform/clock.ts';
import { type SetUp, setUp } from '../../engine/nemo/support.ts';
import type { Fault } from '../../support/nemo-server/faults.ts';
import type { AgentEvent } from '../../support/nemo-server/sse.ts';
import type { MessageScript } from '../../support/nemo-server/server.ts';
import { type Random, randomFrom } from '../torture/random.ts';

vi.setConfig({ testTimeout: 60_000 });

const SEED = Number(process.env['SHRINKBOX_SEED'] ?? 15);
const CASES = Number(process.env['SHRINKBOX_CASES_COUNT'] ?? 120);

const STEPS: Record<string, Fault['match']> = {
  token: { path: /anonymous-token/ },
  session: { path: /with-session/ },
  upload: { path: /upload-video/ },
  message: { path: /run_sse/ },
  state: { path: /^\/api\/state/ },
  submit: { method: 'POST', path: /lambda$/ },
  poll: { method: 'GET', path: /lambda\/render_/ },
  claim: { path: /claim-token/ },
};

const BODIES = [
  ...['', '{}', '[]', 'null', '42', '"text"', 'true', '\u0000\u0001', '{"code":0', '<html><body>Sign in</body></html>'],
  ...[
    '{"code":0}',
    '{"code":0,"data":null}',
    '{"code":0,"data":"soon"}',
    '{"code":0,"data":[1,2]}',
    '{"success":true}',
  ],
  ...[
    '{"code":7777,"message":"no words"}',
    '{"detail":"what"}',
    '{"detail":[{"msg":"field required"}]}',
    '[[[[[[]]]]]]',
  ],
  `{"code":0,"data":{"state":${'{"a":'.repeat(300)}1${'}'.repeat(300)}}}`,
];
const TYPES = ['application/json', 'text/html', 'text/plain', 'text/event-stream', 'application/octet-stream'];
const STATUSES = [200, 200, 200, 201, 204, 301, 302, 307, 400, 403, 405, 408, 409, 418, 422, 429, 500, 502, 503, 504];

/** One value of the answer becomes something else, or goes. */
function distort(body: string, random: Random): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return body.slice(0, random.between(0, body.length));
  }
  const places: { owner: Record<string, unknown>; key: string }[] = [];
  const walk = (value: unknown) => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, child] of Object.entries(value)) {
      places.push({ owner: value as Record<string, unknown>, key });
      walk(child);
    }
  };
  walk(parsed);
  if (places.length === 0) return body;
  const { owner, key } = random.pick(places);
  const made = random.pick<unknown>([null, 0, -1, 1e300, '', 'text', true, [], {}, [null], { a: { b: 1 } }, undefined]);
  if (made === undefined) delete owner[key];
  else owner[key] = made;
  return JSON.stringify(parsed);
}

function drawFault(random: Random): { step: string; fault: Fault } {
  const step = random.pick(Object.keys(STEPS));
  const where = { match: STEPS[step] ?? {}, nth: random.between(1, 3), times: random.between(1, 4) };
  const carryOut = random.next() < 0.5;
  const kind = random.pick(['answer', 'answer', 'distorted', 'distorted', 'truncated', 'hang up', 'garbage'] as const);
  switch (kind) {
    case 'answer': {
      const headers = {
        'content-type': random.pick(TYPES),
        ...(random.next() < 0.2 ? { location: 'https://x.example/' } : {}),
      };
      const status = random.pick(STATUSES);
      // A service that refuses in so many words and carries it out all the same cannot be helped.
      const isRefusal = step === 'message' && status >= 400 && status < 500 && status !== 408;
      return {
        step,
        fault: { ...where, carryOut: carryOut && !isRefusal, status, body: random.pick(BODIES), headers },
      };
    }
    case 'distorted':
      return { step, fault: { ...where, mutate: body => distort(body, random) } };
    case 'truncated':
      return { step, fault: { ...where, truncated: random.between(0, 60) } };
    case 'hang up':
      return {
        step,
        fault: { ...where, hangUp: random.pick(['before', 'after', { atByte: random.between(0, 40) }] as const) },
      };
    case 'garbage':
      return { step, fault: { ...where, carryOut, garbage: true } };
  }
}

const EVENTS: AgentEvent[] = [
  ...[{ say: 'Done.' }, { say: '' }, { say: 'part', partial: true }, { think: 'hm' }, { call: 'edit_multitrack' }],
  ...[{ result: 'edit_multitrack', changed: true }, { heartbeat: 'comment' as const }, { error: 'boom' }],
  ...['data: {"type":"te\n\n', 'data: [1,2]\n\n', 'nonsense\n\n', 'data: [DONE]\n\n', 'event: x\ndata: {}\n\n'].map(
    raw => ({ raw }),
  ),
  ...['data: {"content":7}\n\n', 'data: {"content":{"parts":"x"}}\n\n', 'data: {"error":{"code":[]}}\n\n'].map(raw => ({
    raw,
  })),
];

function drawScript(random: Random): MessageScript {
  if (random.next() < 0.4) return {};
  return {
    apply: random.next() < 0.7,
    ...(random.next() < 0.3 ? { applyAfterMs: random.between(1, 200) * 1000 } : {}),
    events: Array.from({ length: random.between(0, 6) }, () => random.pick(EVENTS)),
    end: random.pick(['close', 'close', 'cut', 'hang', 'mute'] as const),
  };
}

/** Runs a job as the queue does, until it is done, or a person has to act, or it has waited twelve times. */
async function asTheQueue(
  stand: SetUp,
  retryCount: number,
  resume: Record<string, never> | ReturnType<SetUp['job']>['records'],
) {
  let records = resume;
  const said: string[] = [];
  for (let waits = 0; ; waits += 1) {
    const work = stand.job({ workDir: 'w', resume: records });
    try {
      await stand.engine.run(stand.order({ retryCount }), work.context);
      return { done: true, records: work.records, said };
    } catch (error) {
      records = work.records;
      // Anything else is a bug.
      if (!(error instanceof ShrinkError)) throw error;
      said.push(`${error.code}: ${error.message}`);
      const advice = adviceFor(error.code);
      expect(['wait', 'hold', 'fail', 'pause-engine', 'retry']).toContain(advice.kind);
      expect(error.message).not.toMatch(/undefined|\[object|NaN/);
      expect(error.message.length).toBeLessThan(600);
      if (advice.kind !== 'wait' || waits >= 12) return { done: false, failed: advice.kind === 'fail', records, said };
      await sleep(stand.server.clock, error.retryAfterMs ?? backoffMs(advice, waits));
    }
  }
}

describe.each(Array.from({ length: CASES }, (_, n) => n))('bad answers', n => {
  it(`of seed ${SEED}, number ${n}`, async () => {
    const random = randomFrom(SEED * 100_003 + n);
    const stand = await setUp({ speed: 6000, server: { oneTokenPerClient: false } });
    const { server } = stand;
    const drawn = Array.from({ length: random.between(1, 2) }, () => drawFault(random));
    for (const { fault } of drawn) server.fault(fault);
    const script = drawScript(random);
    server.scripts.push(script);
    const shown = JSON.stringify({
      drawn: drawn.map(({ step, fault }) => ({ step, ...fault, match: undefined })),
      script,
    });
    const first = await asTheQueue(stand, 0, {});
    expect(server.messages.length, `messages; ${shown}; ${first.said.join(' | ')}`).toBeLessThanOrEqual(1);
    // Said to have failed, or not to be known, a render is asked for once more; a person's retry may do that again.
    const isAboutRenders = drawn.some(({ step }) => step === 'poll' || step === 'submit');
    const most = isAboutRenders ? 2 : 1;
    expect(server.renders.size, `renders; ${shown}; ${first.said.join(' | ')}`).toBeLessThanOrEqual(most);
    if (!first.done) {
      // The weather is fine again, and a person retries, as often as it takes to find out about a message.
      server.faults.clear();
      let next = first;
      for (let tries = 1; tries <= 3 && !next.done; tries += 1) {
        // A refused token is not asked for again within a quarter of an hour.
        await sleep(server.clock, 16 * 60_000);
        next = await asTheQueue(stand, tries, next.records);
      }
      expect(next.done, `done; ${shown}; ${[...first.said, ...next.said].join(' | ')}`).toBe(true);
    }
    const wasApplied = script.apply !== false && server.messages.length > 0;
    if (wasApplied) expect(server.messages.length, `twice; ${shown}; ${first.said.join(' | ')}`).toBe(1);
  });
});
