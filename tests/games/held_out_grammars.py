"""Worlds whose grammar is known and that the mining was never tuned on; `tests.games.grammars` tells what a world is.

Two are recorded play of TextArena 0.7.4 (MIT), held against templates read off its source; the others are made here.
"""

import gzip
import json
import random
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import gymnasium as gym

from tests.games.grammars import Piece, Text, recognise, say
from tests.games.lighthouse import lighthouse

DICE = Path(__file__).with_name("dice.json.gz")  # what the games said to random players, wrong moves included
RESUBMIT = "Please resubmit a valid move and remember to follow the game rules to avoid penalties."
INVALID = "Player {} attempted an invalid move."
PIG = (
    "You are Player {} playing a game of Pig Dice.", "Rules:", "- On your turn, you can either '[roll]' or '[hold]'",
    "- Roll a 2-6: Add to your turn total", "- Roll a 1: Lose turn total and end turn",
    "- Hold: Add turn total to your score and end turn", "- First to {} points wins",
    "When it's your turn, you'll see the current scores and turn total.",
    "Respond with '[roll]' to roll the die or '[hold]' to bank your points.",
    "Current Total Scores: Player 0: '{}'; Player 1: '{}'", "You current turn total is {}.",
    "Your roll history for this turn: {}", "This is the first roll of your turn.",
    "Available actions: '[roll]' or '[hold]'", "Player {} busted, losing {} points!",
    "Player {} holds and banks {} points.", "Current Scores: Player 0: '{}'; Player 1: '{}'",
    INVALID, "Reason: Invalid action format.", "Use '[roll]' or '[hold]'.", RESUBMIT,
)
LIARS = (
    "You are Player {} in an {}-player Liar's Dice game.", "Rules:", "- On your turn, you may either:",
    "1) Make a new bid with a higher quantity or higher face (or both) than the current bid; i.e. '[Bid: 3, 4]',",
    "2) Call the last bid by typing '[Call]'.", "If you call:", "- If the actual count of that face value among all "
    "dice is less than the bid, the last bidder loses one die.", "- Otherwise, the caller loses one die.",
    "A player who reaches 0 dice is eliminated.", "The last remaining player wins.",
    "New round - Remaining dice: {}", "Your current Dice are: {}", "Your current Dice are:",
    "Player {} bids {} of face {}.", "Player {} calls!", "The actual count of face {} is {}, which is LESS than {}.",
    "The actual count of face {} is {}, which is >= {}.", "Player {} (the last bidder) loses one die.",
    "Player {} (the caller) loses one die.", INVALID, "Reason: Call made with no prior bid.",
    "Reason: Invalid bid: New quantity {} is lower than current {}.",
    "Reason: Invalid bid: New face value {} is lower than current {}.",
    "Reason: Invalid bid: Bid is identical to the current bid.",
    "Reason: Invalid bid: Face value must be between 1 and 6.",
    "Reason: Action not recognized as either a valid '[Bid: X, Y]' or '[Call]'.", "Submitted action: {} " + RESUBMIT,
    RESUBMIT, "Player {} was eliminated by invalid move.",
)


def recorded(name: str, templates: Iterable[str]) -> list[Text]:
    return [recognise(text, templates) for text in json.loads(gzip.decompress(DICE.read_bytes()))[name]]


def pig_dice() -> list[Text]:
    """TextArena's PigDice for two."""
    return recorded("pig_dice", PIG)


def liars_dice() -> list[Text]:
    """TextArena's LiarsDice for two to four."""
    return recorded("liars_dice", LIARS)


def helpdesk(reads: int = 900, seed: int = 0) -> list[Text]:
    """The log of a help desk's servers, read a few lines at a time."""
    chance, clock = random.Random(seed), datetime(2025, 2, 26, 22, 41, 7)
    users = ("m.okafor", "jlin", "anna-lena", "r2d2", "svc_backup", "t.brandt", "helga")
    reasons = ("password expired", "too many attempts", "account locked by administrator", "unknown device",
               "second factor missing")
    faults = ("connection reset by peer", "deadlock detected", "no space left on device", "timeout",
              "read-only replica")
    subjects = ("printer on floor 3 jams", "VPN drops every hour", "cannot open shared calendar", "new laptop",
                "mail stuck in outbox", "badge reader beeps", "screen flickers after update")
    teams = ("network", "field support", "identity", "workplace")

    def duration() -> str:
        hours, minutes = chance.randrange(60), chance.randrange(60)
        return f"{hours}h {minutes}m" if hours else f"{minutes}m"

    def line() -> Text:
        nonlocal clock
        clock += timedelta(seconds=chance.expovariate(0.05))
        stamp = f"{clock:%Y-%m-%d %H:%M:%S},{chance.randrange(1000):03}"
        user, ticket, number = chance.choice(users), chance.randrange(4000, 9000), chance.randrange
        address = f"10.{number(4)}.{number(256)}.{number(256)}"

        def log(rest: str, *values: object) -> Piece:
            return say("{} " + rest, stamp, *values, after="\n")

        kind = number(22)
        if kind < 3:
            return [log("INFO  [auth] user {} signed in from {}", user, address)]
        if kind < 4:
            return [log("WARN  [auth] user {} rejected: {}", user, chance.choice(reasons))]
        if kind < 6:
            return [log("INFO  [ticket] #{} opened by {}: {}", ticket, user, chance.choice(subjects))]
        if kind < 8:
            return [log("INFO  [ticket] #{} assigned to team {}", ticket, chance.choice(teams))]
        if kind < 9:
            return [log("INFO  [ticket] #{} priority raised from P{} to P{}", ticket, number(3, 5), number(1, 3))]
        if kind < 10:
            return [log("INFO  [ticket] #{} closed after {}", ticket, duration())]
        if kind < 11:
            return [log("WARN  [ticket] #{} breaches its deadline in {} minutes", ticket, number(1, 60))]
        if kind < 14:
            way = chance.choice(("/api/v2/tickets", f"/api/v2/tickets/{ticket}", "/health", "/api/v2/users/me"))
            return [log("INFO  [http-{}] {} {} -> {} ({} ms)", number(1, 5), chance.choice(("GET", "GET", "POST")), way,
                        chance.choice((200, 200, 201, 404, 503)), number(2, 1800))]
        if kind < 15:
            said = [log("ERROR [db] statement {} failed after {} ms: {}", f"{number(16**8):08x}", number(5, 30_000),
                        chance.choice(faults))]
            if chance.random() < 0.6:
                said[0] = said[0]._replace(after="\n    ")
                said += [say("at {}:{}", chance.choice(("pool.acquire", "tickets.save", "users.find")), number(10, 400),
                             after="\n"), log("INFO  [db] retry {} of 3", number(1, 4))]
            return said
        if kind < 16:
            return [log("ERROR [mail] giving up on {}@example.org: {}", user,
                        chance.choice(("mailbox full", "550 no such user", "greylisted, try later")))]
        if kind < 18:
            return [log("DEBUG [cache] hit ratio {}% over {} requests", f"{number(700, 999) / 10}", number(100, 9000))]
        if kind < 19:
            return [log("WARN  [disk] /dev/sd{} is {}% full", chance.choice("abcd"), number(80, 100))]
        if kind < 20:
            return [log("INFO  [cron] job {} finished in {}s, exit code {}",
                        chance.choice(("nightly-backup", "rotate_logs", "sync-ldap")), f"{number(10, 9999) / 10}",
                        chance.choice((0, 0, 0, 1)))]
        if kind < 21:
            return [log("DEBUG [cache] evicted {} entries", number(1, 500))]
        return [log("INFO  [main] configuration reloaded")]

    return [[piece for _ in range(chance.choice((1, 1, 2, 3))) for piece in line()] for _ in range(reads)]


def valley(episodes: int = 40, seed: int = 0) -> list[Text]:
    """Gymnasium's MountainCar-v0, told in prose that says the same in many ways."""
    env, chance = gym.make("MountainCar-v0").unwrapped, random.Random(seed)
    songs = ("Blue Monday", "Road to Nowhere", "Take Five", "Autobahn")

    def where(spot: float) -> Piece:
        metres, side = abs(round((spot + 0.5236) * 100)), "left" if spot < -0.5236 else "right"
        return chance.choice((
            say("The car stands {} metres to the {} of the lowest point.", metres, side),
            say("You are now {} metres up the {} slope.", metres, side),
            say("Looking out of the window, you guess that the valley floor lies {} metres behind you.", metres)))

    def pace(speed: float) -> Piece:
        if abs(speed) < 0.001:
            return chance.choice((say("For a heartbeat it hangs there, motionless."), say("It hardly moves.")))
        told, side = f"{abs(speed) * 100:.1f}", "left" if speed < 0 else "right"
        return chance.choice((say("It is rolling {} at {} metres per second.", side, told),
                              say("The needle shows {}, heading {}.", told, side)))

    def deed(action: int) -> Piece:
        if action == 1:
            return chance.choice((say("You let the car coast."), say("Foot off the pedal, you wait and see.")))
        side = "left" if action == 0 else "right"
        return chance.choice((say("The engine roars as you push to the {}.", side),
                              say("You accelerate {}.", side),
                              say("Wheels spin, gravel flies, and you press {}.", side)))

    def aside(spot: float, fuel: int) -> Text:
        return [piece for share, piece in (
            (0.08, say("A goat on the {} slope looks up from its thistles.", chance.choice(("left", "right")))),
            (0.06, say("The radio plays \"{}\".", chance.choice(songs))),
            (0.05, say("Dust hangs in the air.")),
            (0.10, say("There are still {} metres between you and the flag.", round((0.5 - spot) * 100))),
            (0.12, say("Fuel: {}%", fuel, after="\n"))) if chance.random() < share]

    texts: list[Text] = []
    for episode in range(episodes):
        (spot, speed), _ = env.reset(seed=episode)
        weather = chance.choice(("clear", "hazy", "overcast", "blazing hot"))
        texts.append([say("Attempt number {} begins under a {} sky.", episode + 1, weather),
                      say("Somewhere above you, on the right-hand hill, a flag flutters."), where(float(spot))])
        wild = chance.choice((0.2, 0.5, 1.0))
        for second in range(1, 121):
            if chance.random() < 0.04:
                word = chance.choice(("brake", "jump out", "honk", "turn the car around"))
                texts.append([say("You would like to {}, but this car has just one pedal.", word)])
                continue
            action = chance.randrange(3) if chance.random() < wild else (0 if speed < 0 else 2)
            (spot, speed), _, ended, _, _ = env.step(action)
            said = [deed(action)]
            if spot <= -1.2:
                said.append(say("With a crunch the bumper meets the wall at the far left."))
            if ended:
                texts.append([*said, say("The flag!"), say("It took you {} seconds to get up here.", second),
                              say("You switch off the engine and enjoy the view.")])
                break
            said.append(where(float(spot)))
            if chance.random() < 0.7:
                said.append(pace(float(speed)))
            texts.append(said + aside(float(spot), 100 - second * 2 // 3))
        else:
            texts.append([say("Night falls after {} seconds, with {} metres to go.", 120,
                              round((0.5 - float(spot)) * 100)), say("Better luck tomorrow.")])
    return texts


def hotel(guests: int = 220, seed: int = 0) -> list[Text]:
    """The tools of a hotel's front desk: calls, nested results, and errors of both JSON and plain text."""
    chance = random.Random(seed)
    names = ("Greta Solberg", "Ivo Marić", "Dr. Chen", "Aisha bint Omar", "Pat O'Dea", "The Wilsons")
    kinds = ("single", "double", "twin", "suite with sea view")
    extras = ("breakfast", "parking", "late checkout", "cot", "airport transfer")
    notes = ("allergic to feathers", "arrives after midnight", "wants a quiet room, please", "anniversary", "has a dog")
    found: list[Text] = []

    def call(name: str, **arguments: Any) -> None:
        found.append([Piece(f"call {name}", raw=f"{name} {json.dumps(arguments)}")])

    def result(name: str, value: Any) -> None:
        found.append([Piece(name, raw=json.dumps(value, ensure_ascii=False))])

    def money(euros: int) -> dict[str, object]:
        return {"amount": f"{euros}.{chance.choice(('00', '50'))}", "currency": "EUR"}

    def booked(status: str, **more: object) -> dict[str, object]:
        return {"booking_id": number, "status": status, "guest": guest, "room": room, "nights": nights,
                "extras": wanted, "rate": rate, **more}

    for _ in range(guests):
        day, nights, room = chance.randrange(1, 25), chance.randrange(1, 5), chance.randrange(101, 520)
        arrival, leaving = f"2025-07-{day:02}", f"2025-07-{day + nights:02}"
        number, wanted = f"HB{chance.randrange(16**5):05X}", chance.sample(extras, chance.randrange(3))
        guest: dict[str, object] = {"name": chance.choice(names), "adults": chance.randrange(1, 4)}
        if chance.random() < 0.4:
            guest["loyalty"] = {"tier": chance.choice(("silver", "gold")), "points": chance.randrange(9000)}
        rate = money(chance.randrange(70, 380))
        search: dict[str, Any] = {"check_in": arrival, "check_out": leaving, "filters": {"type": chance.choice(kinds)}}
        if chance.random() < 0.3:
            search["filters"]["max_price"] = chance.randrange(100, 400, 50)
        call("search_rooms", **search)
        rooms = [{"room": chance.randrange(101, 520), "type": chance.choice(kinds),
                  "rate": money(chance.randrange(70, 380)), "balcony": chance.random() < 0.5}
                 for _ in range(chance.randrange(4))]
        result("vacancies", {"vacancies": rooms, "count": len(rooms), "until": leaving})
        if chance.random() < 0.15:
            call("list_amenities", floor=chance.randrange(1, 6))
            places = chance.sample(("pool", "sauna", "reading room", "bar"), chance.randrange(1, 4))
            result("lists of amenity", [{"name": place, "opens": f"{chance.randrange(6, 12):02}:00",
                                         "fee": chance.choice((None, 5, 12))} for place in places])
        call("book_room", room=room, check_in=arrival, check_out=leaving, guest=guest, extras=wanted)
        if chance.random() < 0.2:
            found.append([say("Error: room {} is not available from {} to {}", room, arrival, leaving)])
            continue
        if chance.random() < 0.15:
            reason = chance.choice(("card declined", "3-D Secure failed", "issuer unreachable"))
            failure = {"error": {"code": chance.choice(("E_PAY", "E_PAY_RETRY")), "message": reason}}
            result("error", failure | ({"retry_after": chance.randrange(5, 60)} if chance.random() < 0.5 else {}))
            continue
        result("booking", booked("confirmed"))
        found.append([say("Confirmation sent to {}.", guest["name"]),
                      say("The deposit of EUR {} is due by {} at noon.", rate["amount"], arrival)])
        if chance.random() < 0.4:
            call("add_note", booking_id=number, note=chance.choice(notes))
            found.append([say("Note saved for booking {}.", number)])
        if chance.random() < 0.2:
            other = f"HB{chance.randrange(16**5):05X}"
            call("get_booking", booking_id=other)
            found.append([say("Error: no booking {}", other)])
        if chance.random() < 0.25:
            call("cancel_booking", booking_id=number)
            if chance.random() < 0.3:
                found.append([say("Error: booking {} can no longer be cancelled, the deadline was {}",
                                  number, arrival)])
            else:
                result("booking", booked("cancelled", cancelled_at=f"{arrival}T{chance.randrange(10, 24)}:15:00Z"))
                continue
        call("get_invoice", booking_id=number, format=chance.choice(("short", "full")))
        lines = [{"item": item, "price": money(chance.randrange(5, 60))} for item in ["room", *wanted]]
        result("invoice", {"invoice": f"R-{chance.randrange(1000, 9999)}/25", "lines": lines,
                           "total": money(chance.randrange(100, 1500)), "paid": chance.random() < 0.5})
    keys: dict[str, set[str]] = {}
    for (piece, *_) in found:
        if piece.raw is not None:
            value = json.loads(piece.raw.removeprefix(piece.template.removeprefix("call ") + " "))
            keys.setdefault(piece.template, set()).update(
                [f"[].{key}" for record in value for key in record] if isinstance(value, list) else value)
    return [[piece if piece.raw is None else piece._replace(keys=frozenset(keys[piece.template])) for piece in text]
            for text in found]


HELD_OUT: dict[str, Callable[[], list[Text]]] = {
    "pig_dice": pig_dice, "liars_dice": liars_dice, "helpdesk": helpdesk, "valley": valley, "hotel": hotel,
    "lighthouse": lighthouse,
}
