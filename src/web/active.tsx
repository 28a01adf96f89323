import { useState } from 'preact/hooks';
import { escapeForTerminal } from '../core/escape.ts';
import { Age } from './action.tsx';
import { Actions } from './actions.tsx';
import { Details, DetailsButton } from './details.tsx';
import { useDesk } from './desk.ts';
import { Parts } from './fleet.tsx';
import { formatCount, formatPercent, formatSpan, formatWhen, nameOf, stepWithNote } from './format.ts';
import { Icon } from './icons.tsx';
import { useWords, worded } from './language.ts';
import { type Model, type Row, totalOf } from './model.ts';
import { Thumb } from './thumb.tsx';
import { FileLine, Sizes } from './where.tsx';

/** What is being worked on. Its place is as high when nothing is, so that the page does not jump. */
export function Active() {
  const { words, language } = useWords();
  const { model, leaving } = useDesk();
  const { rows } = model.active;
  const total = totalOf(model, 'active');
  const arriving = (model.status?.folders ?? []).reduce((sum, { pending }) => sum + pending, 0);
  return (
    <section class="active" aria-labelledby="active-title">
      <h2 id="active-title">
        {rows.length > 0 && rows.every(job => isAtRest(model, job)) ? words.resting : words.active}{' '}
        {total > 1 && <span class="count figures">{formatCount(total, language)}</span>}
      </h2>
      <ul class="cards">
        {rows.length === 0 && <Idle arriving={arriving} />}
        {rows.map(job => (
          <Running key={job.id} job={job} isLeaving={leaving.has(job.id)} />
        ))}
        {rows.length > 0 && arriving > 0 && <li class="quiet">{words.arriving(arriving)}</li>}
      </ul>
    </section>
  );
}

/** Nothing is being done: what somebody can do, and where that begins and ends. */
function Idle({ arriving }: { arriving: number }) {
  const { words } = useWords();
  const { model } = useDesk();
  const folder = model.status?.folders.find(({ available }) => available);
  return (
    <li class="card none running">
      <p class="sign" aria-hidden="true">
        <Icon of="film" />
      </p>
      {arriving > 0 ? (
        <p>{words.arriving(arriving)}</p>
      ) : (
        <>
          <p class="idle">
            <span class="by-mouse">{words.idle}</span>
            <span class="by-touch">{words.idleTouch}</span>
          </p>
          {folder && (
            <p class="quiet paths">
              {escapeForTerminal(`${words.idleHint(folder.inbox)} ${words.idleResult(folder.outbox)}`)}
            </p>
          )}
        </>
      )}
    </li>
  );
}

function Running({ job, isLeaving }: { job: Row; isLeaving: boolean }) {
  const [isOpen, setOpen] = useState(false);
  const canRest = job.engine !== 'nemo' && job.state === 'running';
  return (
    <li class="card running" inert={isLeaving}>
      <Thumb job={job} isLarge />
      <div class="head">
        <FileLine job={job} />
        <Sizes job={job} />
      </div>
      <div class="tools">
        <DetailsButton job={job} isOpen={isOpen} onClick={() => setOpen(!isOpen)} />
        <Actions jobs={[job]} actions={job.paused ? ['resume'] : canRest ? ['pause'] : []} leave="cancelled" />
      </div>
      <Progress job={job} />
      {isOpen && <Details of={job} />}
    </li>
  );
}

/** Whether nothing happens to a job that has begun: a person or the hours have it rest. */
export function isAtRest({ status }: Model, { paused, engine, state }: Row): boolean {
  if (paused) return true;
  if (engine === 'nemo' || state !== 'running' || status === null) return false;
  return status.mode === 'paused' || status.engines.some(({ name, ready }) => name === engine && !ready);
}

function Progress({ job }: { job: Row }) {
  const { words, language } = useWords();
  const { model } = useDesk();
  const { progress, eta_ms: left } = job;
  const isResting = isAtRest(model, job);
  const value = progress === null ? {} : { value: progress };
  const percent = progress === null ? '' : formatPercent(progress, language);
  return (
    <div class={isResting ? 'progress resting' : 'progress'}>
      <progress
        aria-label={words.progressOf(nameOf(job.source))}
        max={1}
        {...(isResting ? { value: progress ?? 0 } : value)}
      />
      <p class="line">
        {isResting ? (
          <strong class="figures">{percent === '' ? words.resting : words.restingAt(percent)}</strong>
        ) : (
          percent !== '' && <strong class="figures">{percent}</strong>
        )}
        <span>{isResting ? '' : <Step job={job} />}</span>
        {!isResting && job.action?.code === 'wait' && job.action.since !== null && <Age since={job.action.since} />}
        <span class="push" />
        {!isResting && left ? (
          <span class="figures">
            {words.left(formatSpan(left, language))}
            <span class="finish"> · {words.doneAt(formatWhen(Date.now() + left, Date.now(), language))}</span>
          </span>
        ) : null}
      </p>
      {job.engine === 'fleet' && <Parts job={job.id} />}
      {job.reason !== null && <p class="quiet">{worded(language, job.reason, job.messages?.reason)}</p>}
    </div>
  );
}

function Step({ job }: { job: Row }) {
  const { words, language } = useWords();
  const { messages = {} } = job;
  const engine = job.engine === null ? '' : words.at(words.engines[job.engine] ?? job.engine);
  const running = job.step === null ? words.states.running : worded(language, job.step, messages.step);
  const step = job.state === 'running' ? running : words.states[job.state];
  const note = worded(language, job.progress_note ?? '', messages.progress_note);
  const joined = stepWithNote(step, note);
  const what = joined === undefined ? [step, engine, note] : [joined, engine];
  return <>{what.filter(Boolean).join(' · ')}</>;
}
