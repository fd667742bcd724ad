"""A text adventure that says by which template each of its sentences was said."""

import random

from tests.games.grammars import Text, say

SHORES = {  # of the lighthouse: what is always said of a place, its ways, its containers
    "Jetty": ("Grey planks reach out into the sound.", {"north": "Boathouse", "east": "Garden"}, ()),
    "Boathouse": ("Upturned hulls sleep under tarpaulin.", {"south": "Jetty"}, ("sea chest", "tool locker")),
    "Garden": ("Somebody once grew cabbages in this walled patch.", {"west": "Jetty", "north": "Kitchen"}, ("barrel",)),
    "Kitchen": ("It smells of paraffin and old soup.", {"south": "Garden", "up": "Lamp room", "down": "Cellar"},
                ("cupboard", "biscuit tin")),
    "Cellar": ("Water drips somewhere in the dark.", {"up": "Kitchen"}, ("crate",)),
    "Lamp room": ("Glass on all sides, and beyond it only sky.", {"down": "Kitchen"}, ()),
}
DOORS = {("Garden", "north"): ("green door", "brass key"), ("Kitchen", "up"): ("iron hatch", "heavy key"),
         ("Kitchen", "down"): ("trapdoor", "")}
THINGS = ("brass key", "heavy key", "coil of rope", "oilcan", "oar", "map of the reef", "matchbox", "logbook", "apple")
OUTSIDE = ("Rain lashes your face.", "Fog rolls in from the open sea.", "The clouds part for a moment.")
INSIDE = ("Rain drums on the roof.", "The shutters rattle.", "Far away a foghorn sounds.")


def lighthouse(games: int = 24, steps: int = 220, seed: int = 0) -> list[Text]:
    """A text adventure on an island, with containers, doors, keys, and weather, played at random."""
    return [text for game in range(games) for text in played(seed * 1000 + game, steps)]


def played(seed: int, steps: int) -> list[Text]:
    chance = random.Random(seed)
    texts: list[Text] = []
    boxes = [(place, box) for place, (_, _, inside) in SHORES.items() for box in inside]
    lids, locks = {box: False for _, box in boxes}, {door: bool(key) for door, key in DOORS.values()}
    near = ["Jetty", "Boathouse", "Garden", *(box for place, box in boxes if place in ("Boathouse", "Garden"))]
    held = {thing: chance.choice(near if "key" in thing else [*SHORES, *lids]) for thing in THINGS}
    here, oil, score = "Jetty", 90, 0
    ship = chance.choice(("Marianne", "Star of Bergen", "Old Tom", "Zephyr"))

    def lying(where: str) -> list[str]:
        return [thing for thing, place in held.items() if place == where]

    def some(things: list[str]) -> str:
        told = [f"{'an' if thing[0] in 'ao' else 'a'} {thing}" for thing in things]
        return told[0] if len(told) == 1 else ", ".join(told[:-1]) + " and " + told[-1]

    def look(turn: int) -> Text:
        always, ways, inside = SHORES[here]
        said = [say("{} (turn {})", here, turn, after="\n"), say(always)]
        for way in ways:
            if (here, way) in DOORS:
                door = DOORS[here, way][0]
                said.append(say("The {} leading {} is {}.", door, way, "locked" if locks[door] else "unlocked"))
        said.append(say("You can go {}.", " or ".join(ways)))
        if things := lying(here):
            said.append(say("You notice {} here.", some(things)))
        for box in inside:
            if not lids[box]:
                said.append(say("There is a {} in the corner, closed.", box))
            elif things := lying(box):
                said.append(say("In the open {} you see {}.", box, some(things)))
            else:
                said.append(say("The {} is open and quite empty.", box))
        return said

    texts.append([say("The steamer {} is due at nightfall, and the lamp is dark.", ship), say("Hurry!", after="\n"),
                  *look(0)])
    for turn in range(1, steps + 1):
        ways, carried, luck = SHORES[here][1], lying("you"), chance.random()
        doors = [DOORS[here, way] for way in ways if (here, way) in DOORS and locks[DOORS[here, way][0]]]
        openers = [(door, key) for door, key in doors if held[key] == "you"]
        loose = [*lying(here), *(thing for box in SHORES[here][2] if lids[box] for thing in lying(box))]
        said: Text
        if openers and luck < 0.5:
            door, key = openers[0]
            locks[door], score = False, score + 10
            said = [say("The {} turns with a click, and the {} is unlocked.", key, door),
                    say("[{} points, {} in all]", 10, score, after="\n")]
        elif luck < 0.36:
            way = chance.choice(list(ways))
            door, key = DOORS.get((here, way), ("", ""))
            if locks.get(door):
                said = [say("You rattle at the {}, but it is locked.", door),
                        *([say("Perhaps a {} would help.", key)] if chance.random() < 0.3 else [])]
            else:
                here = ways[way]
                said = [say("You go {}.", way, after="\n"), *look(turn)]
        elif luck < 0.5 and SHORES[here][2]:
            box = chance.choice(SHORES[here][2])
            said = [say("The {} is open already.", box) if lids[box] else
                    say("You lift the lid of the {} and find {}.", box, some(lying(box))) if lying(box) else
                    say("You open the {}, but there is nothing in it.", box)]
            lids[box] = True
        elif luck < 0.68 and loose:
            thing = chance.choice(loose)
            said = [say("You cannot carry any more.")]
            if len(carried) < 4 or "key" in thing:
                said, held[thing] = [say("Taken: {}.", thing)], "you"
        elif luck < 0.74 and carried:
            thing = chance.choice([thing for thing in carried if "key" not in thing] or carried)
            held[thing] = here
            said = [say("You put down the {}.", thing)]
        elif luck < 0.8:
            said = [say("You are carrying {}.", some(carried)) if carried else say("Your hands are empty.")]
        elif luck < 0.85:
            wrong = chance.choice([way for way in ("north", "south", "east", "west", "up") if way not in ways])
            said = [say("There is no way {} from here.", wrong)]
        elif luck < 0.9:
            said = [say("I do not know how to \"{}\".", chance.choice(
                ("sing", "swim to shore", "xyzzy", "light a fire", "call for help")))]
        elif luck < 0.94:
            said = [say("You have no {}.", chance.choice(("boat", "patience", "silver whistle", "ladder")))]
        else:
            said = look(turn)
        oil -= turn % 3 == 0
        if chance.random() < 0.15:
            said.append(say(chance.choice(OUTSIDE if here in ("Jetty", "Garden") else INSIDE)))
        if chance.random() < 0.08:
            said.append(say("The wind turns {} and rises to force {}.", chance.choice(
                ("north", "southwest", "east by north")), chance.randrange(3, 11)))
        if chance.random() < 0.06:
            said.append(say("Barometer: {} hPa, {}", chance.randrange(960, 1040), chance.choice(
                ("falling", "rising", "steady")), after="\n"))
        if oil in (30, 15, 5) and turn % 3 == 0:
            said.append(say("Your lantern has oil for {} more minutes.", oil))
        if here == "Lamp room" and "oilcan" in carried:
            texts.append([*said, say("You fill the lamp, and its beam sweeps over the {} just in time.", ship),
                          say("*** You have won with {} points in {} turns ***", score, turn)])
            break
        texts.append(said)
    else:
        texts.append([say("Night has come, and the {} runs onto the reef.", ship),
                      say("*** You have lost with {} points ***", score)])
    return texts
