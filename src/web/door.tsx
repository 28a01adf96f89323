import { useState } from 'preact/hooks';
import { keepToken } from './api.ts';
import { useWords } from './speech.ts';

/** Asks for the token where the server wants one. */
export function Door({ wasWrong, onToken }: { wasWrong: boolean; onToken(): void }) {
  const { words } = useWords();
  const [token, setToken] = useState('');
  const enter = (event: Event) => {
    event.preventDefault();
    keepToken(token.trim());
    onToken();
  };
  return (
    <main class="door">
      <form class="card" onSubmit={enter}>
        <h1>{words.door.title}</h1>
        <p class="quiet" id="door-hint">
          {words.door.hint}
        </p>
        <label for="token">{words.door.label}</label>
        <input
          id="token"
          type="password"
          autoComplete="current-password"
          required
          aria-describedby="door-hint"
          value={token}
          onInput={event => setToken(event.currentTarget.value)}
        />
        <div role="alert">{wasWrong && <p class="reason">{words.door.wrong}</p>}</div>
        <button type="submit" class="main">
          {words.door.enter}
        </button>
      </form>
    </main>
  );
}
