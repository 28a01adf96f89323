import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { Age, Asked } from './action.tsx';
import { Actions, type ListProps } from './actions.tsx';
import { Details } from './details.tsx';
import { formatBytes, formatCount, formatPercent, formatSpan, formatWhen, nameOf } from './format.ts';
import { useWords, worded } from './language.ts';
import { type Row, type Section, totalOf } from './model.ts';
import type { Language } from './words.ts';

/** What only a person can settle; hidden while there is nothing. A reason shared by several jobs appears once. */
export function Attention({ model, dispatch }: ListProps) {
  const { words } = useWords();
  if (totalOf(model, 'attention') === 0 && model.attention.rows.length === 0) return null;
  return (
    <List section="attention" title={words.attention} model={model} dispatch={dispatch}>
      {byReason(model.attention.rows).map(jobs => (
        <Trouble key={jobs[0]?.id} jobs={jobs} dispatch={dispatch} />
      ))}
    </List>
  );
}

function Trouble({ jobs, dispatch }: { jobs: readonly Row[]; dispatch: ListProps['dispatch'] }) {
  const { language } = useWords();
  const [first, ...others] = jobs;
  if (!first) return null;
  const isAlone = others.length === 0;
  return (
    <li class="card alarm">
      {isAlone && <Head job={first} />}
      {first.reason !== null && (
        <p class="reason">{isAlone ? reasonOf(first, language) : withoutName(first, language)}</p>
      )}
      {first.action !== null ? (
        <p class="quiet">
          <Asked action={first.action} message={first.messages?.action} />
        </p>
      ) : (
        first.hint && <p class="quiet">{worded(language, first.hint, first.messages?.hint)}</p>
      )}
      {isAlone ? (
        <Actions jobs={[first]} actions={['retry', 'cancel']} dispatch={dispatch} />
      ) : (
        <>
          <ul class="same">
            {jobs.map(job => (
              <li key={job.id}>
                <Head job={job}>
                  <Actions jobs={[job]} actions={['retry', 'cancel']} dispatch={dispatch} isBare />
                </Head>
              </li>
            ))}
          </ul>
          <Actions jobs={jobs} actions={['retry', 'cancel']} dispatch={dispatch} />
        </>
      )}
    </li>
  );
}

/** `… is not a video: it is text`: the common part of several reasons that each name a file. */
function withoutName(job: Row, language: Language): string {
  return reasonOf(job, language).split(nameOf(job.source)).join('…');
}

function reasonOf({ reason, messages }: Row, language: Language): string {
  return worded(language, reason ?? '', messages?.reason);
}

/** Jobs with the same reason and hint together, at the position of the first. */
function byReason(rows: readonly Row[]): Row[][] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = JSON.stringify([row.state, withoutName(row, 'en'), row.hint]);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()];
}

export function Active({ model, dispatch }: ListProps) {
  const { words } = useWords();
  const isEmpty = model.active.rows.length === 0;
  const arriving = (model.status?.folders ?? []).reduce((sum, { pending }) => sum + pending, 0);
  return (
    <List section="active" title={words.active} model={model} dispatch={dispatch}>
      {isEmpty && (
        <li class="card none">
          <p>{words.idle}</p>
          <p class="quiet">{arriving > 0 ? words.arriving(arriving) : words.idleHint}</p>
        </li>
      )}
      {model.active.rows.map(job => (
        <li key={job.id} class="card">
          <Head job={job}>
            <Actions jobs={[job]} actions={['cancel']} dispatch={dispatch} isBare />
          </Head>
          <Progress job={job} />
        </li>
      ))}
      {!isEmpty && arriving > 0 && <li class="quiet">{words.arriving(arriving)}</li>}
    </List>
  );
}

function Progress({ job }: { job: Row }) {
  const { words, language } = useWords();
  const name = nameOf(job.source);
  const { progress } = job;
  const engine = job.engine === null ? '' : words.at(words.engines[job.engine] ?? job.engine);
  const { messages = {} } = job;
  const running = job.step === null ? words.states.running : worded(language, job.step, messages.step);
  const step = job.state === 'running' ? running : words.states[job.state];
  const note = job.progress_note === null ? '' : worded(language, job.progress_note ?? '', messages.progress_note);
  // A note that begins with the step says more than the step.
  const what = note.startsWith(step) ? [note, engine] : [step, engine, note];
  return (
    <>
      <progress aria-label={words.progressOf(name)} max={1} {...(progress === null ? {} : { value: progress })} />
      <p class="line">
        {progress !== null && <strong class="figures">{formatPercent(progress, language)}</strong>}
        <span>{what.filter(Boolean).join(' · ')}</span>
        {job.action?.code === 'wait' && job.action.since !== null && <Age since={job.action.since} />}
        <span class="push" />
        <span class="figures">{job.eta_ms ? words.left(formatSpan(job.eta_ms, language)) : ''}</span>
      </p>
      {job.reason !== null && <p class="quiet">{reasonOf(job, language)}</p>}
    </>
  );
}

export function Queue({ model, dispatch }: ListProps) {
  const { words, language } = useWords();
  if (totalOf(model, 'queue') === 0 && model.queue.rows.length === 0) return null;
  return (
    <List section="queue" title={words.queue} model={model} dispatch={dispatch} isTight>
      {model.queue.rows.map(job => (
        <li key={job.id} class="row">
          <span class="name" title={job.source}>
            {nameOf(job.source)}
          </span>
          <span class="quiet figures">{formatBytes(job.source_bytes)}</span>
          <Actions jobs={[job]} actions={['cancel']} dispatch={dispatch} isBare />
          {job.state === 'waiting' && (
            <p class="quiet below">
              {job.action !== null && (
                <>
                  <Asked action={job.action} message={job.messages?.action} />{' '}
                </>
              )}
              {job.reason === null ? words.states.waiting : reasonOf(job, language)}
              {job.waiting_until ? ` · ${words.until(formatWhen(job.waiting_until, Date.now(), language))}` : ''}
            </p>
          )}
        </li>
      ))}
    </List>
  );
}

interface ListFrame extends ListProps {
  section: Section;
  title: string;
  /** One card around all of them instead of one each. */
  isTight?: boolean;
  children: ComponentChildren;
}

function List({ section, title, model, dispatch, isTight = false, children }: ListFrame) {
  const { words, language } = useWords();
  const total = totalOf(model, section);
  const hidden = total - model[section].rows.length;
  return (
    <section class={section} aria-labelledby={`${section}-title`}>
      <h2 id={`${section}-title`}>
        {title} {total > 0 && <span class="count figures">{formatCount(total, language)}</span>}
      </h2>
      <ul class={isTight ? 'card tight' : 'cards'}>{children}</ul>
      {hidden > 0 && model[section].rows.length >= model[section].limit && (
        <button type="button" class="plain" onClick={() => dispatch({ kind: 'more', section })}>
          {words.more(formatCount(hidden, language))}
        </button>
      )}
    </section>
  );
}

/** The file's name and size, and a button that opens its details. */
function Head({ job, children }: { job: Row; children?: ComponentChildren }) {
  const { words } = useWords();
  const [isOpen, setOpen] = useState(false);
  const name = nameOf(job.source);
  return (
    <>
      <div class="line head">
        <strong class="name" title={job.source}>
          {name}
        </strong>
        <span class="quiet figures">
          {formatBytes(job.source_bytes)}
          {job.target_bytes === null ? '' : ` → ≤ ${formatBytes(job.target_bytes)}`}
        </span>
        <span class="tools">
          <button
            type="button"
            class="plain"
            aria-expanded={isOpen}
            aria-label={words.detailsOf(name)}
            onClick={() => setOpen(!isOpen)}
          >
            {words.details}
          </button>
          {children}
        </span>
      </div>
      {isOpen && <Details of={job} />}
    </>
  );
}
