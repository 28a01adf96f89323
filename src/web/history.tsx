import { useEffect, useState } from 'preact/hooks';
import { isLinkName } from '../core/saving.ts';
import { Actions, type ListProps } from './actions.tsx';
import { Details } from './details.tsx';
import { formatBytes, formatCount, formatSaving, formatWhen, nameOf } from './format.ts';
import { useWords, worded } from './language.ts';
import { PAGE_SIZE, type Row, totalOf } from './model.ts';

/** A pause in typing after which the search starts, milliseconds. */
const TYPING_MS = 200;

/** Finished jobs, the latest first, a page at a time. */
export function History({ model, dispatch }: ListProps) {
  const { words, language } = useWords();
  const count = (n: number) => formatCount(n, language);
  const { rows, offset, words: searched } = model.history;
  const total = totalOf(model, 'history');
  return (
    <section class="history" aria-labelledby="history-title">
      <div class="line">
        <h2 id="history-title">
          {words.history} {total > 0 && <span class="count figures">{formatCount(total, language)}</span>}
        </h2>
        <span class="push" />
        {(total > 0 || searched !== '') && <Search dispatch={dispatch} />}
      </div>
      {rows.length === 0 ? (
        <div class="card none">
          <p class="quiet">{searched === '' ? words.empty : words.nothingFound}</p>
        </div>
      ) : (
        <ul class="card tight">
          {rows.map(job => (
            <Finished key={job.id} job={job} dispatch={dispatch} />
          ))}
        </ul>
      )}
      {total > PAGE_SIZE && (
        <nav class="pager" aria-label={words.history}>
          <button
            type="button"
            disabled={offset === 0}
            onClick={() => dispatch({ kind: 'search', offset: Math.max(0, offset - PAGE_SIZE), words: searched })}
          >
            {words.previous}
          </button>
          <span class="quiet figures">
            {words.range(count(offset + 1), count(Math.min(offset + rows.length, total)), count(total))}
          </span>
          <button
            type="button"
            disabled={offset + PAGE_SIZE >= total}
            onClick={() => dispatch({ kind: 'search', offset: offset + PAGE_SIZE, words: searched })}
          >
            {words.next}
          </button>
        </nav>
      )}
    </section>
  );
}

function Search({ dispatch }: Pick<ListProps, 'dispatch'>) {
  const { words } = useWords();
  const [text, setText] = useState<string>();
  useEffect(() => {
    if (text === undefined) return undefined;
    const timer = setTimeout(() => dispatch({ kind: 'search', offset: 0, words: text.trim() }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <input
      type="search"
      class="search"
      placeholder={words.search}
      aria-label={words.search}
      value={text ?? ''}
      onInput={event => setText(event.currentTarget.value)}
    />
  );
}

function Finished({ job, dispatch }: { job: Row; dispatch: ListProps['dispatch'] }) {
  const { words, language } = useWords();
  const [isOpen, setOpen] = useState(false);
  const name = nameOf(job.source);
  const isDone = job.state === 'done' && job.output_bytes !== null;
  return (
    <li class={`row ${job.state}`}>
      <button
        type="button"
        class="opener"
        aria-expanded={isOpen}
        aria-label={words.detailsOf(name)}
        onClick={() => setOpen(!isOpen)}
      >
        <span class="chevron" aria-hidden="true" />
        <span class="name" title={job.source}>
          {name}
        </span>
      </button>
      {isDone ? (
        <>
          <span class="sizes figures">
            {isLinkName(job.source) ? '' : `${formatBytes(job.source_bytes)} → `}
            {formatBytes(job.output_bytes ?? 0)}
          </span>
          <strong class="saving figures">{formatSaving(job, language)}</strong>
        </>
      ) : (
        <span class="sizes quiet">{words.states[job.state]}</span>
      )}
      <time class="quiet figures" dateTime={new Date(job.updated_at).toISOString()}>
        {formatWhen(job.updated_at, Date.now(), language)}
      </time>
      {!isDone && job.reason !== null && (
        <p class="quiet below">{worded(language, job.reason, job.messages?.reason)}</p>
      )}
      {isOpen && (
        <div class="below">
          <Details of={job} dispatch={dispatch} />
          {!isDone && <Actions jobs={[job]} actions={['retry']} dispatch={dispatch} />}
        </div>
      )}
    </li>
  );
}
