import type { ActionView } from '../api/types.ts';
import type { Message } from '../core/message.ts';
import { formatSpan } from './format.ts';
import { useWords, worded } from './language.ts';
import { useNow } from './now.ts';

/** What a person is asked to do; its address can be opened. */
export function Asked({ action, message }: { action: ActionView; message: Message | undefined }) {
  const { language } = useWords();
  const text = worded(language, action.text, message);
  const { link } = action;
  const at = link === null ? -1 : text.indexOf(link);
  // Addresses come from the service: only a web page may open.
  if (link === null || at < 0 || !/^https?:\/\//.test(link)) return <>{text}</>;
  return (
    <>
      {text.slice(0, at)}
      <a href={link} target="_blank" rel="noopener noreferrer">
        {link}
      </a>
      {text.slice(at + link.length)}
    </>
  );
}

/** How long somebody else has been at work; it counts on while nothing is heard. */
export function Age({ since }: { since: number }) {
  const { words, language } = useWords();
  const now = useNow();
  return <span class="figures">{words.forSpan(formatSpan(Math.max(0, now - since), language))}</span>;
}
