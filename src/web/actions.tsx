import { useState } from 'preact/hooks';
import * as api from './api.ts';
import { type Leave, useDesk } from './desk.ts';
import { unlessBusy } from './focus.ts';
import { formatCount, nameOf } from './format.ts';
import { problemOf, useWords } from './language.ts';
import type { Row } from './model.ts';

type Doing = Exclude<api.Act, 'cancel'>;

/** Acts on jobs one after the other; a hundred requests at once would only wait for each other. */
export function useAct() {
  const { dispatch } = useDesk();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const run = async (acts: readonly (() => Promise<Row>)[]) => {
    setBusy(true);
    setProblem(undefined);
    for (const act of acts) {
      try {
        dispatch({ kind: 'job', job: await act() });
      } catch (error) {
        setProblem(error);
      }
    }
    setBusy(false);
  };
  return { isBusy, problem, run };
}

export function Problem({ of }: { of: unknown }) {
  const { words, language } = useWords();
  if (of === undefined) return null;
  return (
    <p class="reason" role="alert">
      {words.because(words.actFailed, problemOf(of, language))}
    </p>
  );
}

/** Buttons that act on one job or several; what went wrong appears beside them. */
export function Actions({
  jobs,
  actions,
  leave,
}: {
  jobs: readonly Row[];
  actions: readonly Doing[];
  /** The last button, which can be undone: what cancelling is called here. */
  leave?: Leave;
}) {
  const { words } = useWords();
  const desk = useDesk();
  const { isBusy, problem, run } = useAct();
  const labels = { retry: words.retry, restore: words.restore, pause: words.rest, resume: words.goOn };
  const leaves = { cancelled: words.cancel, left: words.leave, dismissed: words.dismiss };
  return (
    <>
      {actions.map(action => (
        <Act
          key={action === 'resume' ? 'pause' : action}
          label={labels[action]}
          jobs={jobs}
          isBusy={isBusy}
          onClick={() =>
            void run(
              jobs.map(
                ({ id }) =>
                  () =>
                    api.act(action, id),
              ),
            )
          }
        />
      ))}
      {leave && <Act label={leaves[leave]} jobs={jobs} isBusy={isBusy} onClick={() => desk.leave(jobs, leave)} />}
      <Problem of={problem} />
    </>
  );
}

interface ActProps {
  label: string;
  jobs: readonly Row[];
  isBusy: boolean;
  onClick(): void;
}

function Act({ label, jobs, isBusy, onClick }: ActProps) {
  const { words, language } = useWords();
  const only = jobs.length === 1 ? jobs[0] : undefined;
  return (
    <button
      type="button"
      class="small"
      aria-label={only && words.because(label, nameOf(only.source))}
      {...unlessBusy(isBusy, onClick)}
    >
      {only ? label : words.allOf(label, formatCount(jobs.length, language))}
    </button>
  );
}
