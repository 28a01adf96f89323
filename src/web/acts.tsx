import { useState } from 'preact/hooks';
import * as api from './api.ts';
import { formatCount, nameOf } from './format.ts';
import type { Model, News, Row } from './model.ts';
import { useWords } from './speech.ts';

export interface ListProps {
  model: Model;
  tell(...news: News[]): void;
}

type Action = 'retry' | 'cancel' | 'restore';

/** Buttons that act on jobs, one or several alike; what went wrong is said beside them. */
export function Acts({
  jobs,
  actions,
  tell,
  isBare = false,
}: {
  jobs: readonly Row[];
  actions: Action[];
  tell: ListProps['tell'];
  isBare?: boolean;
}) {
  const { words, language } = useWords();
  const [busy, setBusy] = useState<Action>();
  const [trouble, setTrouble] = useState('');
  const [only] = jobs.length === 1 ? jobs : [];
  const act = async (action: Action) => {
    setBusy(action);
    setTrouble('');
    // One after the other: a hundred requests at once would only wait for each other.
    for (const { id } of jobs) {
      try {
        tell({ kind: 'job', job: await api.act(action, id) });
      } catch (error) {
        setTrouble(`${words.actFailed}: ${error instanceof Error ? error.message : ''}`);
      }
    }
    setBusy(undefined);
  };
  return (
    <div class={isBare ? 'acts bare' : 'acts'}>
      {actions.map((action, index) => (
        <button
          key={action}
          type="button"
          class={index === 0 && !isBare && actions.length > 1 ? 'main' : isBare ? 'plain' : ''}
          disabled={busy !== undefined}
          {...(only ? { 'aria-label': `${words[action]}: ${nameOf(only.source)}` } : {})}
          onClick={() => void act(action)}
        >
          {only ? words[action] : words.allOf(words[action], formatCount(jobs.length, language))}
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
