import { Actions } from './actions.tsx';
import { useWords } from './language.ts';
import type { Row } from './model.ts';

/** What can be tried again from a list. */
export const OVER: ReadonlySet<string> = new Set(['cancelled', 'skipped', 'held', 'failed']);

const UNDER_WAY: ReadonlySet<string> = new Set(['queued', 'waiting', 'running', 'in-doubt', 'verifying']);
const NEEDS_A_PERSON: ReadonlySet<string> = new Set(['held', 'failed']);

interface ChosenProps {
  /** All that are shown, and those of them that were chosen. */
  rows: readonly Row[];
  chosen: readonly Row[];
  onAll(): void;
}

/** What can be done to all jobs that were chosen; each button acts on those of them that it fits. */
export function Chosen({ rows, chosen, onAll }: ChosenProps) {
  const { words } = useWords();
  const those = (states: ReadonlySet<string>) => chosen.filter(({ state }) => states.has(state));
  const archived = chosen.filter(({ state, original }) => state === 'done' && original && original !== 'deleted');
  return (
    <div class="chosen line" role="group" aria-label={words.chosen.label}>
      <label class="check">
        <input type="checkbox" checked={rows.length > 0 && chosen.length === rows.length} onChange={onAll} />
        {words.chosen.all}
      </label>
      <span class="quiet" role="status">
        {words.chosen.count(chosen.length)}
      </span>
      <span class="push" />
      <Some jobs={those(OVER)} act="retry" />
      <Some jobs={archived} act="restore" />
      <Some jobs={those(NEEDS_A_PERSON)} leave="dismissed" />
      <Some jobs={those(UNDER_WAY)} leave="cancelled" />
    </div>
  );
}

function Some({
  jobs,
  act,
  leave,
}: {
  jobs: readonly Row[];
  act?: 'retry' | 'restore';
  leave?: 'cancelled' | 'dismissed';
}) {
  if (jobs.length === 0) return null;
  return <Actions jobs={jobs} actions={act ? [act] : []} {...(leave && { leave })} />;
}
