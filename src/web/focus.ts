import { useEffect } from 'preact/hooks';

/** What a button does while nothing it began is under way. Busy, it keeps the focus, which a disabled one would lose. */
export function unlessBusy(isBusy: boolean, onClick: () => void) {
  return { 'aria-disabled': isBusy, onClick: () => void (isBusy || onClick()) };
}

/** Where the focus was: from inside to outside, each element and its place among its neighbours. */
type Trail = readonly { parent: Element; index: number }[];

const FOCUSABLE = 'a[href], button, input, select, textarea, summary, [tabindex="0"]';

/**
 * What leaves the page takes the focus with it, and who has only keys would begin again at its top. It goes on to what has come in
 * its place: what opens the next row, else the row before, else what is around both.
 */
export function useKeptFocus(): void {
  useEffect(() => {
    let last: { element: HTMLElement; trail: Trail } | undefined;
    const come = ({ target }: FocusEvent) => {
      if (target instanceof HTMLElement) last = { element: target, trail: trailOf(target) };
    };
    // Gone to nothing although it could have stayed: that was somebody's click beside it.
    const go = () =>
      void setTimeout(() => {
        if (document.hasFocus() && isNowhere() && last && isUsable(last.element)) last = undefined;
      });
    const changed = () => {
      if (!last || isUsable(last.element)) return;
      if (!isNowhere() && document.activeElement !== last.element) return;
      const { trail } = last;
      last = undefined;
      successorOf(trail)?.focus({ preventScroll: true });
    };
    const observer = new MutationObserver(changed);
    observer.observe(document.body, {
      subtree: true,
      childList: true,
      attributeFilter: ['inert', 'hidden', 'disabled'],
    });
    addEventListener('focusin', come);
    addEventListener('focusout', go);
    return () => {
      observer.disconnect();
      removeEventListener('focusin', come);
      removeEventListener('focusout', go);
    };
  }, []);
}

function isNowhere(): boolean {
  return document.activeElement === null || document.activeElement === document.body;
}

function isUsable(element: Element): boolean {
  return element.isConnected && element.closest('[inert], [hidden], :disabled') === null;
}

function trailOf(element: Element): Trail {
  const trail: { parent: Element; index: number }[] = [];
  for (let at = element; at.parentElement !== null && at !== document.body; at = at.parentElement) {
    trail.push({ parent: at.parentElement, index: [...at.parentElement.children].indexOf(at) });
  }
  return trail;
}

function successorOf(trail: Trail): HTMLElement | undefined {
  for (const { parent, index } of trail) {
    if (!isUsable(parent)) continue;
    if (parent === document.body) break;
    const all = [...parent.children];
    const near = [...all.slice(index), ...all.slice(0, index).reverse()];
    const found = near.map(opener).find(Boolean);
    if (found) return found;
    if (parent instanceof HTMLElement && parent.tabIndex === -1 && parent.hasAttribute('tabindex')) return parent;
  }
  return document.querySelector<HTMLElement>('main:not([hidden])') ?? undefined;
}

/** What only opens something comes first: a key that is still held down would set off any other button. */
function opener(within: Element): HTMLElement | undefined {
  const all = [...(within.matches(FOCUSABLE) ? [within] : []), ...within.querySelectorAll(FOCUSABLE)];
  const usable = all.filter(
    (each): each is HTMLElement => each instanceof HTMLElement && isUsable(each) && each.checkVisibility(),
  );
  return usable.find(each => each.hasAttribute('aria-expanded')) ?? usable[0];
}
