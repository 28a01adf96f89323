/** The access token, as this browser keeps it: for this tab, or for this device. It is sent only as a header. */
import type { accessToken } from '../api/schemas.ts';
import type { z } from 'zod';

const TOKEN = 'shrinkbox-token';

/** @param onDevice also for tabs opened later */
export function keepToken(token: string, onDevice: boolean): void {
  forgetToken();
  (onDevice ? localStorage : sessionStorage).setItem(TOKEN, token);
}

export function forgetToken(): void {
  sessionStorage.removeItem(TOKEN);
  localStorage.removeItem(TOKEN);
}

function keptToken(): string | null {
  return sessionStorage.getItem(TOKEN) ?? localStorage.getItem(TOKEN);
}

export function hasToken(): boolean {
  return keptToken() !== null;
}

export function authorization(): Record<string, string> {
  const token = keptToken();
  return token ? { Authorization: `Bearer ${token}` } : {};
}

const PAIR = /^#pair=([\w-]+)$/;

/**
 * Exchanges the code of a link (`#pair=CODE`) for the token. The code leaves the address at once, before anything is sent.
 * @returns false if the link no longer lets anybody in
 */
export async function enterByLink(): Promise<boolean> {
  const code = PAIR.exec(location.hash)?.[1];
  if (code === undefined) return true;
  history.replaceState(null, '', location.pathname + location.search);
  const headers = { Authorization: `Pairing ${code}` };
  try {
    const response = await fetch('api/pair', { method: 'POST', headers });
    if (!response.ok) return hasToken();
    keepToken(((await response.json()) as z.infer<typeof accessToken>).token, true);
    return true;
  } catch {
    return hasToken();
  }
}
