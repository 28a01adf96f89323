import type { QrCodeGenerateResult } from 'uqr';
import { useEffect, useRef, useState } from 'preact/hooks';
import * as api from './api.ts';
import { formatWhen } from './format.ts';
import { problemAndHint, problemOf, useWords } from './language.ts';

/** A link for one more device, as a picture for its camera. */
export function Phone({ page, onClose }: { page: string | null; onClose(): void }) {
  const { words, language } = useWords();
  const dialog = useRef<HTMLDialogElement>(null);
  const { link, until, problem } = useLink(page);
  useEffect(() => {
    const opener = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      class="phone"
      aria-label={words.phone.open}
      onClose={onClose}
      onClick={event => event.target === dialog.current && dialog.current?.close()}
    >
      <div class="viewer-head">
        <strong>{words.phone.open}</strong>
        <span class="push" />
        <button type="button" class="small main" onClick={() => dialog.current?.close()}>
          {words.close}
        </button>
      </div>
      <div class="phone-link" aria-live="polite">
        {problem !== undefined && (
          <p class="reason">
            {problem instanceof api.ApiError ? problemAndHint(problem, language) : problemOf(problem, language)}
          </p>
        )}
        {link === undefined && problem === undefined && <p class="quiet">{words.phone.working}</p>}
        {link !== undefined && (
          <>
            <p>{words.phone.scan}</p>
            <Code text={link} />
            <code class="address">{link}</code>
            <p class="quiet">{words.phone.until(formatWhen(until, Date.now(), language))}</p>
          </>
        )}
      </div>
    </dialog>
  );
}

function useLink(page: string | null): { link: string | undefined; until: number; problem: unknown } {
  const [made, setMade] = useState<api.PairingCode>();
  const [problem, setProblem] = useState<unknown>();
  useEffect(() => {
    api.pairingCode().then(setMade, setProblem);
  }, []);
  // Whoever sits at the machine itself sees an address that leads a phone nowhere.
  const here = location.origin + location.pathname;
  const base = (isHere(location.hostname) && page) || here;
  return { link: made && `${base}#pair=${made.code}`, until: made?.until ?? 0, problem };
}

function isHere(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || host.startsWith('127.');
}

/** Dark on light in both themes: not every camera reads it the other way round. */
function Code({ text }: { text: string }) {
  const [code, setCode] = useState<QrCodeGenerateResult>();
  useEffect(() => {
    // Few visits need it.
    void import('uqr').then(({ encode }) => setCode(encode(text, { border: 2 })));
  }, [text]);
  const path = code?.data.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : []))).join('');
  return (
    <svg
      class="code"
      viewBox={`0 0 ${code?.size ?? 1} ${code?.size ?? 1}`}
      shape-rendering="crispEdges"
      aria-hidden="true"
    >
      <rect width="100%" height="100%" fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}
