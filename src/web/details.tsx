import { useEffect, useState } from 'preact/hooks';
import type { JobDetail } from '../api/types.ts';
import type { HistoryEntry } from '../core/job.ts';
import * as api from './api.ts';
import { Compare } from './compare.tsx';
import { formatWhen } from './format.ts';
import { Actions, type ListProps } from './actions.tsx';
import type { Row } from './model.ts';
import { problemOf, type Reader, useWords, worded } from './language.ts';

/** Everything known about one job, fetched when it is opened and whenever it has moved on since. */
export function Details({
  of: { id, state, step, updated_at: changed },
  dispatch,
}: {
  of: Row;
  dispatch?: ListProps['dispatch'];
}) {
  const { words, language } = useWords();
  const [job, setJob] = useState<JobDetail>();
  const [problem, setProblem] = useState<unknown>();
  useEffect(() => {
    let isLate = false;
    const show = (found: JobDetail) => {
      if (isLate) return;
      setJob(found);
      setProblem(undefined);
    };
    const fail = (error: unknown) => void (isLate || setProblem(error));
    api.job(id).then(show, fail);
    return () => {
      isLate = true;
    };
  }, [id, state, step, changed]);
  if (problem !== undefined) {
    return <p class="reason">{words.because(words.loadFailed, problemOf(problem, language))}</p>;
  }
  if (!job) return <p class="quiet">…</p>;
  const { facts } = words;
  const { messages = {} } = job;
  const notes = job.notes.map((note, index) => worded(language, note, messages.notes?.[index]));
  const isArchived = job.original !== null && job.original !== 'deleted';
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
    <div class="details">
      {job.state === 'done' && <Compare job={job} />}
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
      <h3>{facts.timeline}</h3>
      <ol class="timeline">
        {job.history.map((entry, index) => (
          <li key={index}>
            <time class="quiet figures" dateTime={new Date(entry.at).toISOString()}>
              {formatWhen(entry.at, Date.now(), language)}
            </time>
            <span>{eventLine(entry, { words, language })}</span>
          </li>
        ))}
      </ol>
      {dispatch && job.state === 'done' && isArchived && (
        <Actions jobs={[job]} actions={['restore']} dispatch={dispatch} />
      )}
    </div>
  );
}

function eventLine({ event, note, message }: HistoryEntry, { words, language }: Reader): string {
  const name = (words.events as Readonly<Record<string, string>>)[event] ?? event;
  return note ? words.because(name, worded(language, note, message)) : name;
}
