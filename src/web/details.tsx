import { useEffect, useState } from 'preact/hooks';
import type { JobDetail } from '../api/types.ts';
import type { HistoryEntry } from '../core/job.ts';
import { Actions, type ListProps } from './actions.tsx';
import * as api from './api.ts';
import { Compare } from './compare.tsx';
import { formatWhen } from './format.ts';
import { problemOf, type Reader, useWords, worded } from './language.ts';
import type { Row } from './model.ts';

/** Everything known about one job. */
export function Details({ of: row, dispatch }: { of: Row; dispatch?: ListProps['dispatch'] }) {
  const { words, language } = useWords();
  const found = useDetail(row);
  if (found === undefined) return <p class="quiet">…</p>;
  if (found instanceof Error) {
    return <p class="reason">{words.because(words.loadFailed, problemOf(found, language))}</p>;
  }
  const isArchived = found.original !== null && found.original !== 'deleted';
  return (
    <div class="details">
      {found.state === 'done' && <Compare job={found} />}
      <Facts job={found} />
      <h3>{words.facts.timeline}</h3>
      <Timeline history={found.history} />
      {dispatch && found.state === 'done' && isArchived && (
        <Actions jobs={[found]} actions={['restore']} dispatch={dispatch} />
      )}
    </div>
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

function Facts({ job }: { job: JobDetail }) {
  const { words, language } = useWords();
  const { facts } = words;
  const { messages = {} } = job;
  const notes = job.notes.map((note, index) => worded(language, note, messages.notes?.[index]));
  const lines: [string, string | null][] = [
    [facts.source, job.source],
    [facts.output, job.output],
    [facts.original, job.original === 'deleted' ? facts.deleted : job.original],
    [facts.rule, job.rule],
    [facts.words, job.instruction],
    [facts.how, job.how && worded(language, job.how, messages.how)],
    [facts.notes, notes.join(words.separator) || null],
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

function Timeline({ history }: { history: readonly HistoryEntry[] }) {
  const reader = useWords();
  return (
    <ol class="timeline">
      {history.map((entry, index) => (
        <li key={index}>
          <time class="quiet figures" dateTime={new Date(entry.at).toISOString()}>
            {formatWhen(entry.at, Date.now(), reader.language)}
          </time>
          <span>{eventLine(entry, reader)}</span>
        </li>
      ))}
    </ol>
  );
}

function eventLine({ event, note, message }: HistoryEntry, { words, language }: Reader): string {
  const name = (words.events as Readonly<Record<string, string>>)[event] ?? event;
  return note ? words.because(name, worded(language, note, message)) : name;
}
