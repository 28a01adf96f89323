import { useState } from 'preact/hooks';
import * as api from './api.ts';
import { nameOf } from './format.ts';
import type { Model, News, Row } from './model.ts';
import { useWords } from './speech.ts';

export interface ListProps {
  model: Model;
  tell(...news: News[]): void;
}

type Action = 'retry' | 'cancel' | 'restore';

/** Buttons that act on a job; what went wrong is said beside them. */
export function Acts({
  job,
  actions,
  tell,
  isBare = false,
}: {
  job: Row;
  actions: Action[];
  tell: ListProps['tell'];
  isBare?: boolean;
}) {
  const { words } = useWords();
  const [busy, setBusy] = useState<Action>();
  const [trouble, setTrouble] = useState('');
  const act = (action: Action) => {
    setBusy(action);
    setTrouble('');
    api
      .act(action, job.id)
      .then(
        answer => tell({ kind: 'job', job: answer }),
        (error: unknown) => setTrouble(`${words.actFailed}: ${error instanceof Error ? error.message : ''}`),
      )
      .finally(() => setBusy(undefined));
  };
  return (
    <div class={isBare ? 'acts bare' : 'acts'}>
      {actions.map((action, index) => (
        <button
          key={action}
          type="button"
          class={index === 0 && !isBare && actions.length > 1 ? 'main' : isBare ? 'plain' : ''}
          disabled={busy !== undefined}
          aria-label={`${words[action]}: ${nameOf(job.source)}`}
          onClick={() => act(action)}
        >
          {words[action]}
        </button>
      ))}
      {trouble && (
        <p class="reason" role="alert">
          {trouble}
        </p>
      )}
    </div>
  );
}
