import string

import gymnasium as gym
from gymnasium import spaces

WORDS = """
    python lantern marble orchard penguin quartz rhythm saffron teapot umbrella
    velvet walnut zephyr biscuit compass dolphin feather glacier harbour
""".split()

GALLOWS = ("ground", "post", "beam", "rope", "head", "body", "left arm", "right arm", "left leg", "right leg")


class Hangman:
    """The rules, without any gymnasium."""

    def __init__(self, word, lives):
        self.word = word
        self.lives = lives
        self.tried = set()

    @property
    def mask(self):
        return " ".join(ch if ch in self.tried else "_" for ch in self.word)

    @property
    def solved(self):
        return self.tried.issuperset(self.word)

    @property
    def lost(self):
        return self.lives <= 0

    def guess_letter(self, letter):
        self.tried.add(letter)
        hits = self.word.count(letter)
        if not hits:
            self.lives -= 1
        return hits

    def guess_word(self, word):
        if word == self.word:
            self.tried.update(word)
            return True
        self.lives -= 1
        return False


class HangmanEnv(gym.Env):
    metadata = {"render_modes": ["ansi"]}

    def __init__(self, words=WORDS, lives=len(GALLOWS), rounds=3):
        super().__init__()
        self.words = list(words)
        self.lives = lives
        self.rounds = rounds
        self.render_mode = "ansi"
        self.action_space = spaces.Text(max_length=30, charset=string.ascii_letters + " ")
        self.observation_space = spaces.Text(max_length=500, charset=string.printable)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        bag = self.words[:]
        self.np_random.shuffle(bag)
        self._queue = iter(bag)
        self._round = 0
        self._won = 0
        self._next_round()
        return "Guess a letter or a whole word. " + self.render(), {"won": 0}

    def _next_round(self):
        self._round += 1
        self._game = Hangman(next(self._queue), self.lives)

    def step(self, action):
        guess = action.strip().lower()
        game = self._game
        reward = 0.0
        if guess in ("letters", "unused"):
            left = [ch for ch in string.ascii_lowercase if ch not in game.tried]
            msg = "Unused letters: " + "".join(left) + "."
        elif not guess.isalpha() or not guess.isascii():
            msg = "Please guess letters only."
        elif len(guess) == 1:
            if guess in game.tried:
                msg = "You already tried {}.".format(guess)
                reward = -0.05
            elif hits := game.guess_letter(guess):
                msg = "Yes! {} appears {} time{}.".format(guess, hits, "" if hits == 1 else "s")
                reward = 0.1 * hits
            else:
                drawn = GALLOWS[: len(GALLOWS) - game.lives]
                msg = "No {}. The hangman draws the {}.".format(guess, drawn[-1] if drawn else "scene")
                reward = -0.1
        elif len(guess) != len(game.word):
            msg = "The word has {} letters; '{}' has {}.".format(len(game.word), guess, len(guess))
        elif game.guess_word(guess):
            msg = "Bravo, the whole word at once!"
            reward = 0.5
        else:
            msg = "It is not {}.".format(guess)
            reward = -0.2

        terminated = False
        if game.solved or game.lost:
            self._won += game.solved
            reward += 1.0 if game.solved else -1.0
            msg += " The word was {}.".format(game.word)
            if self._round >= self.rounds:
                terminated = True
                msg += " You guessed {} of {} words.".format(self._won, self.rounds)
            else:
                self._next_round()
        return msg + "\n" + self.render(), reward, terminated, False, {"won": int(self._won)}

    def render(self):
        tried = "".join(sorted(self._game.tried)) or "none"
        return "Word {}: {}  Lives: {}  Tried: {}".format(self._round, self._game.mask, self._game.lives, tried)
