import { useState } from 'preact/hooks';
import { Asked } from './action.tsx';
import { Actions, Problem, useAct } from './actions.tsx';
import * as api from './api.ts';
import { useDesk } from './desk.ts';
import { formatCount, formatWhen, nameOf } from './format.ts';
import { Icon } from './icons.tsx';
import { useWords, worded } from './language.ts';
import { PAGE_SIZE, type Row, totalOf } from './model.ts';
import { Say } from './say.tsx';
import { Thumb } from './thumb.tsx';
import { FileLine, Sizes } from './where.tsx';

/** Jobs shown before somebody asks for more: what is finished should not be out of sight. */
const SHOWN = 6;

const ORDERS = ['arrival', 'largest-saving'] as const;

/** What waits, in the order in which it will be done; that can be changed by button, by dragging and by keys. */
export function Queue() {
  const { words, language } = useWords();
  const { model, dispatch } = useDesk();
  const [shown, setShown] = useState(SHOWN);
  const total = totalOf(model, 'queue');
  if (total === 0 && model.queue.rows.length === 0) return null;
  const rows = model.queue.rows.slice(0, shown);
  const more = () => {
    setShown(shown + PAGE_SIZE);
    if (shown + PAGE_SIZE > model.queue.rows.length) dispatch({ kind: 'more', section: 'queue' });
  };
  return (
    <section class="queue" aria-labelledby="queue-title">
      <div class="line">
        <h2 id="queue-title">
          {words.queue} <span class="count figures">{formatCount(total, language)}</span>
        </h2>
        <span class="push" />
        {total > 1 && <Order />}
      </div>
      <ul class="card tight">
        {rows.map((job, index) => (
          <Waiting key={job.id} job={job} rows={rows} index={index} />
        ))}
      </ul>
      {total > rows.length && (
        <button type="button" class="plain" onClick={more}>
          {words.more(formatCount(total - rows.length, language))}
        </button>
      )}
    </section>
  );
}

function Order() {
  const { words } = useWords();
  const { model, dispatch } = useDesk();
  const choose = (order: (typeof ORDERS)[number]) =>
    void api.setOrder(order).then(
      status => dispatch({ kind: 'status', status }),
      () => {},
    );
  return (
    <select
      class="small"
      aria-label={words.order}
      value={model.status?.queue.order}
      onChange={event => choose(event.currentTarget.value as (typeof ORDERS)[number])}
    >
      {ORDERS.map(order => (
        <option key={order} value={order}>
          {words.orders[order]}
        </option>
      ))}
    </select>
  );
}

interface WaitingProps {
  job: Row;
  rows: readonly Row[];
  index: number;
}

/** What is dragged; other things can be dragged over the page, too. */
const DRAGGED = 'application/x-shrinkbox-job';

function Waiting({ job, rows, index }: WaitingProps) {
  const { words } = useWords();
  const { leaving } = useDesk();
  const { isBusy, problem, run } = useAct();
  const [isSaying, setSaying] = useState(false);
  const name = nameOf(job.source);
  const move = (id: string, to: string) => void run([() => api.move(id, to)]);
  const { isOver, on } = useDrop(job.id, dragged => move(dragged, index === 0 ? 'top' : `before:${job.id}`));
  const byKey = (event: KeyboardEvent) => {
    const to = placeAfter(event.key, rows, index);
    if (to === undefined) return;
    event.preventDefault();
    move(job.id, to);
  };
  return (
    <li class={isOver ? 'row over' : 'row'} inert={leaving.has(job.id)} {...on}>
      <button
        type="button"
        class="grip"
        draggable
        aria-label={words.reorder(name)}
        aria-disabled={isBusy}
        onKeyDown={byKey}
        onDragStart={event => event.dataTransfer?.setData(DRAGGED, job.id)}
      >
        <Icon of="grip" />
      </button>
      <Thumb job={job} />
      <What job={job} />
      <div class="tools">
        {index > 0 && !job.paused && <ToTop name={name} isBusy={isBusy} onClick={() => move(job.id, 'top')} />}
        <button
          type="button"
          class="small"
          aria-expanded={isSaying}
          aria-label={words.because(words.words.change, name)}
          onClick={() => setSaying(!isSaying)}
        >
          {words.words.change}
        </button>
        <Actions jobs={[job]} actions={job.paused ? ['resume'] : []} leave="cancelled" />
      </div>
      <Problem of={problem} />
      {isSaying && (
        <div class="below">
          <Say job={job} onClose={() => setSaying(false)} />
        </div>
      )}
    </li>
  );
}

function ToTop({ name, isBusy, onClick }: { name: string; isBusy: boolean; onClick(): void }) {
  const { words } = useWords();
  return (
    <button
      type="button"
      class="small square"
      title={words.toTop}
      aria-label={words.because(words.toTop, name)}
      disabled={isBusy}
      onClick={onClick}
    >
      <Icon of="top" />
    </button>
  );
}

/** A row that another can be dropped on. */
function useDrop(id: string, onJob: (dragged: string) => void) {
  const [isOver, setOver] = useState(false);
  const on = {
    onDragOver(event: DragEvent) {
      if (!event.dataTransfer?.types.includes(DRAGGED)) return;
      event.preventDefault();
      setOver(true);
    },
    onDragLeave: () => setOver(false),
    onDrop(event: DragEvent) {
      const dragged = event.dataTransfer?.getData(DRAGGED);
      setOver(false);
      if (!dragged || dragged === id) return;
      event.preventDefault();
      onJob(dragged);
    },
  };
  return { isOver, on };
}

function What({ job }: { job: Row }) {
  return (
    <div class="what">
      <FileLine job={job} />
      <Sizes job={job} />
      <Why job={job} />
    </div>
  );
}

/** Where an arrow key moves a job; `undefined` if nowhere. */
function placeAfter(key: string, rows: readonly Row[], index: number): string | undefined {
  const before = (at: number) => rows[at] && `before:${rows[at].id}`;
  if (key === 'ArrowUp') return index <= 1 ? (index === 1 ? 'top' : undefined) : before(index - 1);
  if (key === 'ArrowDown') return index + 1 >= rows.length ? undefined : (before(index + 2) ?? 'bottom');
  return undefined;
}

function Why({ job }: { job: Row }) {
  const { words, language } = useWords();
  if (job.state !== 'waiting' && !job.paused) return null;
  return (
    <p class="quiet">
      {job.action !== null && (
        <>
          <Asked action={job.action} message={job.messages?.action} />{' '}
        </>
      )}
      {job.reason === null ? words.states.waiting : worded(language, job.reason, job.messages?.reason)}
      {job.waiting_until ? ` · ${words.until(formatWhen(job.waiting_until, Date.now(), language))}` : ''}
    </p>
  );
}
