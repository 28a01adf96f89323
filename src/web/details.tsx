import { useEffect, useState } from 'preact/hooks';
import type { JobDetail } from '../api/types.ts';
import * as api from './api.ts';
import { Compare } from './compare.tsx';
import { formatWhen } from './format.ts';
import { Acts, type ListProps } from './acts.tsx';
import type { Row } from './model.ts';
import { useWords } from './speech.ts';

/** Everything known about one job, fetched when somebody looks and whenever it moved on since. */
export function Details({ of: { id, state, step, updated_at: changed }, tell }: { of: Row; tell?: ListProps['tell'] }) {
  const { words, language } = useWords();
  const [job, setJob] = useState<JobDetail>();
  const [trouble, setTrouble] = useState('');
  useEffect(() => {
    let isLate = false;
    const show = (found: JobDetail) => {
      if (isLate) return;
      setJob(found);
      setTrouble('');
    };
    const fail = (error: unknown) => void (isLate || setTrouble(error instanceof Error ? error.message : ''));
    api.job(id).then(show, fail);
    return () => {
      isLate = true;
    };
  }, [id, state, step, changed]);
  if (trouble) return <p class="reason">{`${words.loadFailed}: ${trouble}`}</p>;
  if (!job) return <p class="quiet">…</p>;
  const { facts } = words;
  const isArchived = job.original !== null && job.original !== 'deleted';
  const lines: [string, string | null][] = [
    [facts.source, job.source],
    [facts.output, job.output],
    [facts.original, job.original === 'deleted' ? facts.deleted : job.original],
    [facts.rule, job.rule],
    [facts.words, job.instruction],
    [facts.how, job.how],
    [facts.notes, job.notes.join('; ') || null],
    [facts.evidence, job.evidence],
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
            <span>
              {words.events[entry.event] ?? entry.event}
              {entry.note ? `: ${entry.note}` : ''}
            </span>
          </li>
        ))}
      </ol>
      {tell && job.state === 'done' && isArchived && <Acts jobs={[job]} actions={['restore']} tell={tell} />}
    </div>
  );
}
