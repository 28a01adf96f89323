import { useEffect, useState } from 'preact/hooks';
import { isLinkName } from '../core/saving.ts';
import { Asked } from './action.tsx';
import { Actions, Problem } from './actions.tsx';
import * as api from './api.ts';
import { Chosen, OVER } from './chosen.tsx';
import { Details } from './details.tsx';
import { useDesk } from './desk.ts';
import { formatBytes, formatCount, formatSaving, formatWhen, isSameSize, nameOf } from './format.ts';
import { Icon } from './icons.tsx';
import { useWords, worded } from './language.ts';
import { isSearching, PAGE_SIZE, type Row, type Search, SHOWN, standingOffer, totalOf } from './model.ts';
import { Thumb } from './thumb.tsx';
import { useDownload } from './viewer.tsx';
import { Where } from './where.tsx';

/** A pause in typing after which the search starts, milliseconds. */
const TYPING_MS = 200;

/** Finished jobs, the latest first, a page at a time; or whatever somebody looks for, in any state. */
export function History() {
  const { words, language } = useWords();
  const { model, dispatch } = useDesk();
  const count = (n: number) => formatCount(n, language);
  const { rows, offset } = model.history;
  const total = totalOf(model, 'history');
  const isFound = isSearching(model.history);
  const turnTo = (next: number) => dispatch({ kind: 'search', offset: Math.max(0, next) });
  const { isChoosing, chosen, turn, turnAll, turnOn } = useChoice(rows);
  return (
    <section class={isChoosing ? 'history choosing' : 'history'} aria-labelledby="history-title">
      <div class="line">
        <h2 id="history-title">
          {words.history} {total > 0 && <span class="count figures">{formatCount(total, language)}</span>}
        </h2>
        <span class="push" />
        {rows.length > 0 && (
          <button type="button" class="small" aria-pressed={isChoosing} onClick={turnOn}>
            {words.chosen.choose}
          </button>
        )}
        {(total > 0 || isFound) && <Find />}
      </div>
      {isChoosing && <Chosen rows={rows} chosen={chosen} onAll={turnAll} />}
      {rows.length === 0 ? (
        <div class="card none">
          <p class="quiet">{isFound ? words.nothingFound : words.empty}</p>
        </div>
      ) : (
        <ul class="card tight">
          {rows.map(job => (
            <Finished
              key={job.id}
              job={job}
              {...(isChoosing && { choice: { isChosen: chosen.includes(job), onTurn: () => turn(job.id) } })}
            />
          ))}
        </ul>
      )}
      {total > PAGE_SIZE && (
        <nav class="pager" aria-label={words.history}>
          <button type="button" disabled={offset === 0} onClick={() => turnTo(offset - PAGE_SIZE)}>
            {words.previous}
          </button>
          <span class="quiet figures">
            {words.range(count(offset + 1), count(Math.min(offset + rows.length, total)), count(total))}
          </span>
          <button type="button" disabled={offset + PAGE_SIZE >= total} onClick={() => turnTo(offset + PAGE_SIZE)}>
            {words.next}
          </button>
        </nav>
      )}
    </section>
  );
}

/** Which of the rows are chosen; those that leave the list are no longer. */
function useChoice(rows: readonly Row[]) {
  const [ids, setIds] = useState<ReadonlySet<string>>();
  const chosen = rows.filter(({ id }) => ids?.has(id));
  const turn = (id: string) =>
    setIds(now => new Set(now?.has(id) ? [...now].filter(other => other !== id) : [...(now ?? []), id]));
  const turnAll = () => setIds(new Set(chosen.length === rows.length ? [] : rows.map(({ id }) => id)));
  const turnOn = () => setIds(ids ? undefined : new Set());
  return { isChoosing: ids !== undefined, chosen, turn, turnAll, turnOn };
}

/** Fetched again whenever somebody comes back to the list: they may have changed. None where nobody may see them. */
function useRules(): readonly string[] {
  const [rules, setRules] = useState<readonly string[]>([]);
  useEffect(() => {
    const load = () =>
      void api.config().then(
        ({ rules: found }) => setRules(found.map(({ name }) => name)),
        () => {},
      );
    const back = () => document.hidden || load();
    load();
    addEventListener('hashchange', load);
    addEventListener('visibilitychange', back);
    return () => {
      removeEventListener('hashchange', load);
      removeEventListener('visibilitychange', back);
    };
  }, []);
  return rules;
}

function Find() {
  const { words } = useWords();
  const { model, dispatch } = useDesk();
  const [text, setText] = useState<string>();
  const search = (part: Partial<Search>) => dispatch({ kind: 'search', offset: 0, ...part });
  useEffect(() => {
    if (text === undefined) return undefined;
    const timer = setTimeout(() => search({ words: text.trim() }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const folders = (model.status?.folders ?? []).map(({ inbox }) => inbox);
  const { show, folder, rule, order } = model.history;
  const rules = useRules();
  const named = (path: string): [string, string] => [path, nameOf(path)];
  return (
    <div class="find" role="search">
      <input
        type="search"
        class="search"
        placeholder={words.search}
        aria-label={words.search}
        value={text ?? ''}
        onInput={event => setText(event.currentTarget.value)}
      />
      <Choice
        label={words.find.show}
        value={show}
        options={(Object.keys(SHOWN) as Search['show'][]).map(each => [each, words.find.shown[each]])}
        onChoose={chosen => search({ show: chosen })}
      />
      {folders.length > 1 && (
        <Choice
          label={words.find.folder}
          value={folder}
          options={[['', words.find.anyFolder], ...folders.map(named)]}
          onChoose={chosen => search({ folder: chosen })}
        />
      )}
      {/* Always there, so that nothing moves once the names are known. */}
      <Choice
        label={words.find.rule}
        value={rule}
        options={[['', words.find.anyRule], ...rules.map((name): [string, string] => [name, name])]}
        onChoose={chosen => search({ rule: chosen })}
      />
      <Choice
        label={words.find.order}
        value={order}
        options={(['updated', 'saving'] as const).map(each => [each, words.find.orders[each]])}
        onChoose={chosen => search({ order: chosen })}
      />
    </div>
  );
}

interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  options: readonly (readonly [value: T, text: string])[];
  onChoose(value: T): void;
}

function Choice<T extends string>({ label, value, options, onChoose }: ChoiceProps<T>) {
  return (
    <select class="small" aria-label={label} value={value} onChange={event => onChoose(event.currentTarget.value as T)}>
      {options.map(([each, text]) => (
        <option key={each} value={each}>
          {text}
        </option>
      ))}
    </select>
  );
}

interface Choosable {
  isChosen: boolean;
  onTurn(): void;
}

function Finished({ job, choice }: { job: Row; choice?: Choosable }) {
  const { words, language } = useWords();
  const { model } = useDesk();
  const offer = standingOffer(model, job);
  const [isOpen, setOpen] = useState(false);
  const name = nameOf(job.source);
  const isDone = job.state === 'done' && job.output_bytes !== null;
  return (
    <li class={`row ${job.state}`}>
      {choice && (
        <label class="check">
          <input
            type="checkbox"
            checked={choice.isChosen}
            aria-label={words.chosen.one(name)}
            onChange={choice.onTurn}
          />
        </label>
      )}
      <Thumb job={job} />
      <div class="what">
        <p class="line">
          <Opener source={job.source} isOpen={isOpen} onTurn={() => setOpen(!isOpen)} />
          {!isDone && <Where job={job} />}
        </p>
        <p class={isDone ? 'quiet line' : 'quiet'}>
          {!isDone && <span class="state">{words.states[job.state]} · </span>}
          <time class="figures" dateTime={new Date(job.updated_at).toISOString()}>
            {formatWhen(job.updated_at, Date.now(), language)}
          </time>
          {isDone && <Where job={job} />}
          {!isDone && job.reason !== null && <> · {worded(language, job.reason, job.messages?.reason)}</>}
        </p>
      </div>
      {isDone && <Sizes job={job} />}
      {isDone && <Look job={job} />}
      {offer !== null && (
        <p class="quiet below">
          <Asked action={offer} message={job.messages?.action} />
        </p>
      )}
      {isOpen && (
        <div class="below">
          <Details of={job} />
          <div class="actions">{OVER.has(job.state) && <Actions jobs={[job]} actions={['retry']} />}</div>
        </div>
      )}
    </li>
  );
}

/** The name of a file, which opens its details. */
function Opener({ source, isOpen, onTurn }: { source: string; isOpen: boolean; onTurn: () => void }) {
  const { words } = useWords();
  const name = nameOf(source);
  return (
    <button type="button" class="opener" aria-expanded={isOpen} aria-label={words.detailsOf(name)} onClick={onTurn}>
      <span class="name" title={source}>
        {name}
      </span>
      <span class="chevron" aria-hidden="true" />
    </button>
  );
}

function Sizes({ job }: { job: Row }) {
  const { words, language } = useWords();
  const { source_bytes: before, output_bytes: after } = job;
  const isSame = isSameSize(job);
  const share = after === null || before <= 0 || isLinkName(job.source) ? 0 : Math.min(1, after / before);
  return (
    <>
      <div class={isSame ? 'sizes same' : 'sizes'}>
        <svg class="share" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
          <rect width="100" height="8" />
          <rect class="after" width={share * 100} height="8" />
        </svg>
        <span class="quiet figures">
          {`${isLinkName(job.source) ? '' : `${formatBytes(before)} → `}${formatBytes(after ?? 0)}`}
        </span>
      </div>
      {isSame ? (
        <span class="saving quiet">{words.sameSize}</span>
      ) : (
        <strong class="saving figures">{formatSaving(job, language)}</strong>
      )}
    </>
  );
}

/** Play, fetch, compare: each one tap away. */
function Look({ job }: { job: Row }) {
  const { words } = useWords();
  const { view } = useDesk();
  const { problem, download } = useDownload();
  const name = nameOf(job.source);
  return (
    <div class="tools">
      <button
        type="button"
        class="small"
        aria-label={words.because(words.play, name)}
        onClick={() => view({ job, as: 'play' })}
      >
        <Icon of="play" />
        {words.play}
      </button>
      <button
        type="button"
        class="small square"
        title={words.download}
        aria-label={words.because(words.download, name)}
        onClick={() => download(job.id)}
      >
        <Icon of="download" />
      </button>
      <button
        type="button"
        class="small"
        aria-label={words.because(words.compare.open, name)}
        onClick={() => view({ job, as: 'compare' })}
      >
        {words.compare.open}
      </button>
      <Problem of={problem} />
    </div>
  );
}
