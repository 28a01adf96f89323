import { useRef, useState } from 'preact/hooks';
import { Asked } from './action.tsx';
import { Actions, Problem, useAct } from './actions.tsx';
import * as api from './api.ts';
import { useDesk } from './desk.ts';
import { unlessBusy } from './focus.ts';
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
  const drag = useDrag();
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
          <Waiting key={job.id} job={job} rows={rows} index={index} drag={drag} />
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
  drag: Drag;
}

function Waiting({ job, rows, index, drag }: WaitingProps) {
  const { words } = useWords();
  const { leaving } = useDesk();
  const { isBusy, problem, run } = useAct();
  const [isSaying, setSaying] = useState(false);
  const name = nameOf(job.source);
  const move = (id: string, to: string) => void run([() => api.move(id, to)]);
  const byKey = (event: KeyboardEvent) => {
    const to = placeAfter(event.key, rows, index);
    if (to === undefined) return;
    event.preventDefault();
    move(job.id, to);
  };
  return (
    <li class={drag.over === job.id ? 'row over' : 'row'} data-job={job.id} inert={leaving.has(job.id)}>
      <button
        type="button"
        class="grip"
        aria-label={words.reorder(name)}
        aria-disabled={isBusy}
        onKeyDown={byKey}
        {...drag.handle(job.id, onto => move(job.id, onto === rows[0]?.id ? 'top' : `before:${onto}`))}
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
      {...unlessBusy(isBusy, onClick)}
    >
      <Icon of="top" />
    </button>
  );
}

interface Drag {
  /** The row that what is dragged would come before. */
  over: string | undefined;
  handle(id: string, onDrop: (onto: string) => void): object;
}

/** Rows that are dragged by their handle, with a mouse, a pen or a finger. */
function useDrag(): Drag {
  const [over, setOver] = useState<string>();
  const dragged = useRef<string>(undefined);
  const end = () => {
    dragged.current = undefined;
    setOver(undefined);
  };
  const rowAt = ({ clientX, clientY }: PointerEvent) =>
    document.elementFromPoint(clientX, clientY)?.closest<HTMLElement>('.queue [data-job]')?.dataset['job'];
  const handle: Drag['handle'] = (id, onDrop) => ({
    onPointerDown(event: PointerEvent) {
      if (event.button !== 0) return;
      (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
      dragged.current = id;
    },
    onPointerMove(event: PointerEvent) {
      if (dragged.current !== id) return;
      const row = rowAt(event);
      setOver(row === id ? undefined : row);
      scrollNear(event.clientY);
    },
    onPointerUp(event: PointerEvent) {
      const row = dragged.current === id ? rowAt(event) : undefined;
      end();
      if (row !== undefined && row !== id) onDrop(row);
    },
    onPointerCancel: end,
  });
  return { over, handle };
}

/** Pixels from the edge of the window within which a drag scrolls the page. */
const SCROLL_EDGE = 60;

function scrollNear(y: number): void {
  if (y < SCROLL_EDGE) scrollBy(0, -12);
  else if (y > innerHeight - SCROLL_EDGE) scrollBy(0, 12);
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
