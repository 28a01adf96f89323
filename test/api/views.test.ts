import { expect, it } from 'vitest';
import { reasonOfError, ShrinkError } from '../../src/core/errors.ts';
import { apply } from '../../src/core/lifecycle.ts';
import { messageOf } from '../../src/core/message.ts';
import { namedStep } from '../../src/core/steps.ts';
import { say } from '../../src/messages/say.ts';
import { detailOf, liveOf, needsOf, viewOf } from '../../src/api/views.ts';
import { aCandidate, aJob, TO_DONE } from '../support/builders.ts';

it('shows a job as scripts know it: these fields and no others', () => {
  expect(viewOf(aJob({}, ...TO_DONE))).toEqual({
    id: 'aaaa',
    source: '/in/clip.mp4',
    folder: '/in',
    rule: 'default',
    engine: 'local',
    state: 'done',
    reason: null,
    action: null,
    step: null,
    progress: 1,
    source_bytes: 1_000_000,
    target_bytes: 500_000,
    target_firm: true,
    output: '/out/clip.mp4',
    output_bytes: 400_000,
    created_at: 1,
    updated_at: 2,
  });
});

const LINK = 'https://nemovideo.com/register?bind=anon_1';
const NO_CREDITS = new ShrinkError('out-of-credits', say('nemo.no-credits'), {
  hint: say('nemo.register-hint', { url: LINK }),
  action: { code: 'register', link: LINK },
});

it('says what a person is asked to do, with the link, wherever a job is listed', () => {
  const reason = reasonOfError(NO_CREDITS);
  const job = aJob({}, { event: 'waiting', data: { until: 9, reason } });
  expect(viewOf(job).action).toEqual({
    code: 'register',
    text: `Register at ${LINK} to get more, then run shrinkbox resume.`,
    link: LINK,
    since: 2,
  });
  expect(detailOf(job).messages?.action).toEqual({ code: 'nemo.register-hint', params: { url: LINK } });
  // A report, or another place in the queue, makes it no younger.
  const reported = apply(job, job.id, 7, { event: 'reported', data: { path: '/out/clip.failed.txt' } });
  expect(reported && viewOf(reported)).toMatchObject({ updated_at: 7, action: { since: 2 } });
});

it('a done job offers the step that the agent left open, with its code', () => {
  const note = say('nemo.open-steps', { steps: 'Drag the title.', job: 'aaaa' });
  // Was: "Drag the title.".
  expect(note.text).toMatch(/^the agent leaves this to you: "Drag the title\." It was not sent on/);
  const candidate = aCandidate({ notes: ['x', note.text], messages: { notes: [null, messageOf(note) ?? null] } });
  const events = TO_DONE.map(event => (event.event === 'candidate' ? { ...event, data: { candidate } } : event));
  const job = aJob({}, ...events);
  expect(viewOf(job).action).toEqual({ code: 'offer', text: note.text, link: null, since: 2 });
  expect(detailOf(job).messages?.action).toEqual(messageOf(note));
});

it('says what somebody else is at and since when, also in doubt', () => {
  const engine = 'nemo' as const;
  const running = aJob({}, { event: 'started', data: { engine, step: 'asking' } });
  expect(viewOf(running, { fraction: 0.45 }).action).toBeNull();
  const note = say('nemo.still-working', { note: 'editing' });
  const live = { fraction: 0.45, note: note.text, message: messageOf(note), waitsSince: 1000 };
  const wait = { code: 'wait', text: note.text, link: null, since: 1000 };
  expect(viewOf(running, live).action).toEqual(wait);
  expect(liveOf(running, live).messages?.action).toEqual(messageOf(note));
  const reason = { code: 'outcome-unknown' as const, text: 'It is not known', hint: 'Wait.' };
  const doubted = aJob(
    {},
    { event: 'started', data: { engine, step: 'asking' } },
    { event: 'doubted', data: { engine, step: 'checking', reason } },
  );
  expect(viewOf(doubted, live).action).toEqual(wait);
  expect(viewOf(doubted).action).toEqual({ code: 'wait', text: 'Wait.', link: null, since: 2 });
});

it('gives the codes beside the texts of a reason and its hint', () => {
  const full = say('files.not-enough-space', { path: '/out', needed: 5_000_000, missing: 1_000_000 });
  const error = new ShrinkError('no-space', full, { hint: say('files.hint-no-space') });
  const job = aJob({}, { event: 'failed', data: { reason: reasonOfError(error) } });
  expect(detailOf(job)).toMatchObject({
    reason: full.text,
    hint: say('files.hint-no-space').text,
    messages: { reason: messageOf(full), hint: { code: 'files.hint-no-space' } },
  });
});

it('gives the step as code and parameters, and what is live of it to whoever watches', () => {
  const started = { engine: 'local', ...namedStep('pass-2', { attempt: 3 }) } as const;
  const job = aJob({}, { event: 'started', data: started });
  const note = say('step.pass-2', { attempt: 3 });
  const live = liveOf(job, { fraction: 0.5, etaMs: 60_000, note: note.text, message: messageOf(note) });
  const step = { code: 'step.pass-2', params: { attempt: 3 } };
  expect(live).toMatchObject({ eta_ms: 60_000, messages: { step, progress_note: step } });
  expect(viewOf(job)).toMatchObject({ step: 'pass 2 of 2, attempt 3' });
});

it('gives the codes of a result: how, notes, evidence', () => {
  const messages = { how: { code: 'a.how' }, notes: [{ code: 'a.note' }, null] };
  const candidate = aCandidate({ notes: ['one', 'two'], messages });
  const beforeDone = aJob({}, ...TO_DONE.slice(0, 1), { event: 'candidate', data: { candidate } });
  expect(detailOf(beforeDone).messages).toMatchObject({ how: { code: 'a.how' } });
});

it('has no codes for a journal of 0.1.0, only its texts', () => {
  const job = aJob(
    {},
    { event: 'held', data: { reason: { code: 'held', text: 'it is too large', hint: 'Ask for more.' } } },
  );
  expect(detailOf(job)).toMatchObject({ reason: 'it is too large', hint: 'Ask for more.' });
  expect(JSON.parse(JSON.stringify(detailOf(job).messages))).toEqual({});
});

it('what the cloud said of a job stayed English on the Chinese page: facts carry their codes, while they have one', () => {
  const timeline = say('nemo.timeline-empty');
  const fact = {
    event: 'fact' as const,
    data: { key: 'timeline', value: timeline.text, message: messageOf(timeline)! },
  };
  const told = detailOf(aJob({}, fact, { event: 'fact', data: { key: 'agent', value: 'Done.' } }));
  expect(told.facts).toEqual({ timeline: 'Timeline: empty', agent: 'Done.' });
  expect(told.messages?.facts).toEqual({ timeline: { code: 'nemo.timeline-empty' } });
  const later = detailOf(
    aJob({}, fact, { event: 'fact', data: { key: 'timeline', value: 'as a version before said it' } }),
  );
  expect(later.messages?.facts).toEqual({});
  expect(
    detailOf(aJob({}, { event: 'fact', data: { key: 'timeline', value: 'of 0.1.0' } })).messages?.facts,
  ).toBeUndefined();
});

it('jobs that need a person are grouped by reason, the largest group first', () => {
  const failed = (id: string, code: 'not-media' | 'io') =>
    aJob({ id }, { event: 'failed', data: { reason: { code, text: `${code} of ${id}`, hint: 'Look.' } } });
  const jobs = [
    failed('a', 'io'),
    aJob({ id: 'b' }),
    ...Array.from({ length: 60 }, (_, n) => failed(`c${n}`, 'not-media')),
  ];
  const needs = needsOf(jobs);
  expect(needs).toMatchObject([
    { code: 'not-media', state: 'failed', jobs: 60, reason: 'not-media of c59', hint: 'Look.' },
    { code: 'io', jobs: 1, newest: ['a'] },
  ]);
  expect(needs[0]?.newest).toHaveLength(50);
});
