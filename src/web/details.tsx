import { useEffect, useState } from 'preact/hooks';
import type { JobDetail } from '../api/types.ts';
import type { HistoryEntry } from '../core/job.ts';
import { Actions } from './actions.tsx';
import * as api from './api.ts';
import { formatSpan, formatWhen, nameOf } from './format.ts';
import { problemOf, type Reader, useWords, worded } from './language.ts';
import type { Row } from './model.ts';
import { Say } from './say.tsx';

/** Everything known about one job. */
export function Details({ of: row }: { of: Row }) {
  const { words, language } = useWords();
  const found = useDetail(row);
  if (found === undefined) return <p class="quiet">…</p>;
  if (found instanceof Error) {
    return <p class="reason">{words.because(words.loadFailed, problemOf(found, language))}</p>;
  }
  const isDone = found.state === 'done';
  const isArchived = found.original !== null && found.original !== 'deleted';
  return (
    <div class="details">
      <Facts job={found} />
      <div class="actions">
        {isDone && <Another job={found} />}
        {found.output !== null && <Copy text={found.output} />}
        {isDone && isArchived && <Actions jobs={[found]} actions={['restore']} />}
      </div>
      <h3>{words.facts.timeline}</h3>
      <Timeline history={found.history} />
    </div>
  );
}

/** Opens and closes the details of a job. */
export function DetailsButton({ job, isOpen, onClick }: { job: Row; isOpen: boolean; onClick(): void }) {
  const { words } = useWords();
  return (
    <button
      type="button"
      class="plain"
      aria-expanded={isOpen}
      aria-label={words.detailsOf(nameOf(job.source))}
      onClick={onClick}
    >
      {words.details}
    </button>
  );
}

/** Another version of a result, as somebody says. */
function Another({ job }: { job: JobDetail }) {
  const { words } = useWords();
  const [isOpen, setOpen] = useState(false);
  if (isOpen) return <Say job={job} onClose={() => setOpen(false)} />;
  return (
    <button type="button" class="small" onClick={() => setOpen(true)}>
      {words.words.another}
    </button>
  );
}

function Copy({ text }: { text: string }) {
  const { words } = useWords();
  const [isDone, setDone] = useState(false);
  // Only on loopback and over HTTPS do browsers let a page write there.
  if (!('clipboard' in navigator)) return null;
  return (
    <button
      type="button"
      class="small"
      onClick={() => void navigator.clipboard.writeText(text).then(() => setDone(true))}
    >
      <span aria-live="polite">{isDone ? words.copied : words.copyPath}</span>
    </button>
  );
}

/** Fetched when it is opened and whenever the job has changed since; an error if that failed. */
function useDetail({ id, state, step, updated_at: changed }: Row): JobDetail | Error | undefined {
  const [found, setFound] = useState<JobDetail | Error>();
  useEffect(() => {
    let isLate = false;
    const show = (result: JobDetail | Error) => void (isLate || setFound(result));
    const fail = (error: unknown) => show(error instanceof Error ? error : new Error(String(error)));
    api.job(id).then(show, fail);
    return () => {
      isLate = true;
    };
  }, [id, state, step, changed]);
  return found;
}

/** What the cloud said of the job, beside its notes. */
const CLOUD_FACTS = ['timeline', 'credits'];

function Facts({ job }: { job: JobDetail }) {
  const { words, language } = useWords();
  const { facts } = words;
  const { messages = {} } = job;
  const notes = job.notes.map((note, index) => worded(language, note, messages.notes?.[index]));
  const inCloud = CLOUD_FACTS.flatMap(name => {
    const text = job.facts[name];
    return text === undefined ? [] : [worded(language, text, messages.facts?.[name])];
  });
  const lines: [string, string | null][] = [
    [facts.source, job.source],
    [facts.output, job.output],
    [facts.original, job.original === 'deleted' ? facts.deleted : job.original],
    [facts.rule, job.rule],
    [facts.words, job.instruction],
    [facts.how, job.how && worded(language, job.how, messages.how)],
    [facts.notes, notes.join(words.separator) || null],
    [facts.cloud, inCloud.join(words.separator) || null],
    [facts.evidence, job.evidence && worded(language, job.evidence, messages.evidence)],
  ];
  return (
    <dl>
      {lines.map(([label, text]) =>
        text === null ? null : (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{text}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

/** What is not worth saying how long it took, milliseconds. */
const AT_ONCE_MS = 1_000;

/** What happened, when, and how long each went on. */
function Timeline({ history }: { history: readonly HistoryEntry[] }) {
  const reader = useWords();
  return (
    <ol class="timeline">
      {history.map((entry, index) => {
        const took = (history[index + 1]?.at ?? entry.at) - entry.at;
        return (
          <li key={index}>
            <time class="quiet figures" dateTime={new Date(entry.at).toISOString()}>
              {formatWhen(entry.at, Date.now(), reader.language, 'seconds')}
            </time>
            <span>
              {eventLine(entry, reader)}
              {took >= AT_ONCE_MS && <span class="quiet figures"> · {formatSpan(took, reader.language)}</span>}
            </span>
          </li>
        );
      })}
    </ol>
  );
}

/** A step says what is done; of other events, their name comes first. */
function eventLine({ event, note, message }: HistoryEntry, { words, language }: Reader): string {
  const name = (words.events as Readonly<Record<string, string>>)[event] ?? event;
  if (!note) return name;
  const step = message?.code === 'history.step' ? message.params?.['step'] : undefined;
  if (typeof step !== 'object' || !('code' in step)) return words.because(name, worded(language, note, message));
  const text = worded(language, step.text, step);
  const engine = message?.params?.['engine'];
  return event === 'started' && typeof engine === 'string'
    ? words.because(words.startedOn(words.engines[engine] ?? engine), text)
    : `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
