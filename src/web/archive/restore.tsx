import { useState } from 'preact/hooks';
import type { ArchiveView } from '../../api/types.ts';
import * as api from '../api.ts';
import { unlessBusy } from '../focus.ts';
import { nameOf } from '../format.ts';
import { problemOf, useWords } from '../language.ts';

type Archived = ArchiveView['files'][number];

/** Brings the chosen ones back, one after the other. */
export function Restore({ files, onDone }: { files: readonly Archived[]; onDone(): void }) {
  const { words, language } = useWords();
  const [isBusy, setBusy] = useState(false);
  const [said, setSaid] = useState('');
  const [problems, setProblems] = useState<string[]>([]);
  const restore = async () => {
    setBusy(true);
    const wrong: string[] = [];
    for (const { job, source } of files) {
      await api.act('restore', job).catch((error: unknown) => {
        wrong.push(words.because(nameOf(source), problemOf(error, language)));
      });
    }
    setProblems(wrong);
    setSaid(words.archive.restored(files.length - wrong.length));
    setBusy(false);
    onDone();
  };
  return (
    <>
      <button
        type="button"
        class="small main"
        disabled={files.length === 0}
        {...unlessBusy(isBusy, () => void restore())}
      >
        {words.archive.restore(files.length)}
      </button>
      <span role="status" class="quiet">
        {isBusy ? words.archive.restoring : said}
      </span>
      {problems.map(text => (
        <p key={text} class="reason" role="alert">
          {text}
        </p>
      ))}
    </>
  );
}
