import { useState } from 'preact/hooks';
import { keepToken } from './api.ts';
import { useWords } from './language.ts';

/** Asks for the token where the server wants one. */
export function SignIn({ wasWrong, onToken }: { wasWrong: boolean; onToken(): void }) {
  const { words } = useWords();
  const [token, setToken] = useState('');
  const enter = (event: Event) => {
    event.preventDefault();
    keepToken(token.trim());
    onToken();
  };
  return (
    <main class="sign-in">
      <form class="card" onSubmit={enter}>
        <h1>{words.signIn.title}</h1>
        <p class="quiet" id="sign-in-hint">
          {words.signIn.hint}
        </p>
        <label for="token">{words.signIn.label}</label>
        <input
          id="token"
          type="password"
          autoComplete="current-password"
          required
          aria-describedby="sign-in-hint"
          value={token}
          onInput={event => setToken(event.currentTarget.value)}
        />
        <div role="alert">{wasWrong && <p class="reason">{words.signIn.wrong}</p>}</div>
        <button type="submit" class="main">
          {words.signIn.enter}
        </button>
      </form>
    </main>
  );
}
