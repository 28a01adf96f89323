import { isLinkName } from '../core/saving.ts';
import { useDesk } from './desk.ts';
import { formatBytes, nameOf, subfolderOf } from './format.ts';
import { useWords } from './language.ts';
import type { Row } from './model.ts';

/** Which inbox and folder a file lies in and which rule it got, where that says anything. */
export function Where({ job }: { job: Row }) {
  const { words } = useWords();
  const { model } = useDesk();
  const folders = model.status?.folders ?? [];
  const inside = [...(folders.length > 1 ? [nameOf(job.folder)] : []), subfolderOf(job)].filter(Boolean).join('/');
  return (
    <>
      {inside !== '' && (
        <span class="tag" title={job.source}>
          {inside}
        </span>
      )}
      {job.rule !== null && job.rule !== 'default' && <span class="tag">{words.rule(job.rule)}</span>}
    </>
  );
}

/** The name of a file and where it is, the first line of every row. */
export function FileLine({ job }: { job: Row }) {
  return (
    <p class="line">
      <strong class="name" title={job.source}>
        {nameOf(job.source)}
      </strong>
      <Where job={job} />
    </p>
  );
}

/** `22.6 MB → at most 5.66 MB`, with what that hangs on; the source's size alone where none was asked for, or it fits already. */
export function Sizes({ job }: { job: Row }) {
  const { words } = useWords();
  const { source, source_bytes: before, target_bytes: wanted, target_firm: isFirm } = job;
  const limit = isFirm ? words.atMost : words.atMostIfGood;
  return (
    <p class="quiet figures">
      {formatBytes(before)}
      {wanted === null || (wanted >= before && !isLinkName(source)) ? '' : ` → ${limit(formatBytes(wanted))}`}
    </p>
  );
}
