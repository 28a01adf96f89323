import { useEffect, useState } from 'preact/hooks';
import type { Explanation } from '../api/types.ts';
import * as api from './api.ts';
import { useDesk } from './desk.ts';
import { formatPercent, formatSaving } from './format.ts';
import { useWords, worded } from './language.ts';
import type { Row } from './model.ts';
import type { UploadRow } from './use-uploads.ts';

/** The files that were added, and what has become of each. */
export function Sent({ rows, onClear }: { rows: readonly UploadRow[]; onClear(): void }) {
  const { words, language } = useWords();
  if (rows.length === 0) return null;
  return (
    <>
      <ul class="uploads" aria-live="polite">
        {rows.map(row => (
          <li key={row.key} class={row.state}>
            <p class="line">
              <span class="name">{row.name}</span>
              <span class="push" />
              {row.state === 'sending' && (
                <>
                  <span class="figures quiet" aria-hidden="true">
                    {formatPercent(row.progress, language)}
                  </span>
                  <button
                    type="button"
                    class="plain"
                    aria-label={words.because(words.upload.stop, row.name)}
                    onClick={() => row.cancel?.()}
                  >
                    {words.upload.stop}
                  </button>
                </>
              )}
            </p>
            {row.state === 'sending' && (
              <progress aria-label={words.upload.progress(row.name)} max={1} value={row.progress} />
            )}
            {row.state === 'sending' && row.isWaiting && <p class="quiet">{words.upload.waiting}</p>}
            {row.state === 'sending' && !row.isWaiting && row.isBegunAgain && (
              <p class="quiet">{words.upload.begunAgain}</p>
            )}
            <Became row={row} />
          </li>
        ))}
      </ul>
      {rows.every(row => row.state !== 'sending') && (
        <button type="button" class="plain" onClick={onClear}>
          {words.upload.clear}
        </button>
      )}
    </>
  );
}

/** What a sent file has become: its job, as soon as there is one. */
function Became({ row }: { row: UploadRow }) {
  const { heard } = useDesk();
  const job = row.path === undefined ? undefined : heard.get(row.path);
  if (row.path !== undefined && job?.state === 'queued') return <Ahead path={row.path} />;
  if (job !== undefined) return <Now job={job} />;
  return row.message ? <p class={row.state === 'failed' ? 'reason' : 'quiet'}>{row.message}</p> : null;
}

function Now({ job }: { job: Row }) {
  const { words, language } = useWords();
  if (job.reason !== null && (job.state === 'failed' || job.state === 'held')) {
    return <p class="reason">{worded(language, job.reason, job.messages?.reason)}</p>;
  }
  const percent = job.state === 'running' && job.progress !== null ? formatPercent(job.progress, language) : '';
  return (
    <p class="quiet line">
      <span>{words.states[job.state]}</span>
      <span class="figures" aria-live="off">
        {job.state === 'done' ? formatSaving(job, language) : percent}
      </span>
    </p>
  );
}

/** Of all that `explain` says, the lines that say what comes out and how it will look. */
const GIST: ReadonlySet<string> = new Set([
  ...['local.plan-looks', 'local.plan-copy', 'local.plan-held', 'local.plan-below-floor'],
]);

/** What will be made of a file that waits for its turn, and how that will look. */
function Ahead({ path }: { path: string }) {
  const { words, language } = useWords();
  const plan = usePlan(path);
  return (
    <>
      <p class="quiet">{words.states.queued}</p>
      {plan?.plan.map((line, index) => {
        const message = plan.messages?.plan?.[index];
        return message && GIST.has(message.code) ? (
          <p key={index} class="quiet">
            {worded(language, line, message)}
          </p>
        ) : null;
      })}
    </>
  );
}

/** One is asked for at a time: the daemon looks at the file for it, beside its work. */
let turn: Promise<unknown> = Promise.resolve();

function usePlan(path: string): Explanation | undefined {
  const [plan, setPlan] = useState<Explanation>();
  useEffect(() => {
    const end = new AbortController();
    turn = turn.then(async () => {
      if (end.signal.aborted) return;
      const found = await api.explain(path, end.signal);
      if (!end.signal.aborted) setPlan(found);
    });
    return () => end.abort();
  }, [path]);
  return plan;
}
