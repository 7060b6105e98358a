"""Words that are no facts: an answer may contain or lack them and still be right.

Function words, hedges, verbs by which any text describes something, and nouns so general that any text could use them.
Whether a word of a passage is a fact is decided by `is_fact`.
"""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[\w-]+", text))


PLAIN = _words("""
about above absolute accordingly across actual actually additional additionally afterwards again against ahead all
allow along already also alternate alternatively although always among amount analogous and another any anything
appropriate arbitrary around aside available away back basically because been before behind being below beside besides
best better between beyond both brief but cannot care certain certainly clear clearly common commonly comparable
complete completely consequently considerable considerably consistent convenient correct correctly corresponding
current currently deal degree desired despite detailed different difficult direct directly does doing done due during
each early easier easily either else elsewhere enough entire entirely equivalent especially essentially even
eventually ever every everything exactly except expected explicit explicitly extra fair familiar far few final finally
fine first following for former fortunately frequently from full fully further furthermore future general generally
given going good great greater had half hard hardly has have having hence here higher highly how however ideal ideally
identical if immediately important impossible incorrect incorrectly indeed independent individual initial initially
inside instead insufficient interesting internal internally into itself just kind kinds large largely last later
latest latter least left less level levels like likely likewise little longer lot lots lower made main mainly major
many maybe meaning meaningful meanwhile might mixed more moreover most mostly much multiple must namely natural nearly
necessarily necessary needed neither nevertheless new next no none normal normally not nothing now obvious obviously
of off often old on once one ones only onto or ordinary original other others otherwise out outside over overall own
particular particularly partly past perfectly perhaps plain plus poor popular possible possibly potential potentially
practically precise precisely present previous previously primarily prior probably proper properly proposed provided
purely quick quickly quite rare rarely rather ready real really reasonable recent recently recommended regardless
regular related relative relatively relevant remaining respective respectively right rough roughly safe same
satisfactory second see separate separately serious several shall short should significant significantly similar
similarly simple simply since single slightly slow small so soft some somehow something sometimes somewhat somewhere
soon special specific specifically specified standard straightforward strict strictly strong subsequent such
sufficient suitable sure tells temporary than that the their them themselves then there thereby therefore these they
thing things third this those though through throughout thus time times together too total toward towards trivial
truly twice two typical typically ultimately under understandable unknown unless unlike until unusual up upon usable
useful usual usually valid various very via warning was way ways well were what whatever when whenever where whereas
wherever whether which whichever while white who whole whom whose why wide widely will wise with within without would
write wrong yes yet you your

accept accepted accepts access accessed accessible achieve acquire act action actions adapts add adds affect affects
agree aid aim allocate allows answer appear appears applies apply approach apps arise arrange ask assign assigned
associate associated assume attempt attempts authenticate avoid avoids become becomes begin behave belong belongs bind
bring brings build builds call called calls captures carry cause causes change changed changes check checks choose
clean cleanup close combine come comes commit communicate compare completes compute configure configures connect
consider consist constitute consume contain contains continue control controls convert copy cover create created
creates decide declare declares define defined defines delete demand denote depend depends describe described
describes design determine determines develop differ disable display do drop enable enables encounter end ends enforce
enhance ensure ensures enter establish evaluate examine execute executed exist exists expect expects experience
explain expose express extend extends fail fails fall feel fetch fill find finish finishes fit fix follow follows
forbid force form format gather generate get gets give gives go goes grant group grow guarantee guarantees handle
handled handles happen happens held help helps hold holds identify ignore ignored implement implements import improve
include includes increase indicate indicates infer inform inherit initialize insert install interact interpret
introduce invoke invoked issue join keep keeps know lead leads learn leave let lets lie limit limits link list lists
load loaded locate look looks maintain make makes manage manages mark match matches mean means mention merge modify
move name named names need needs notice obtain occur occurs offer offers operate order override overrides part
participate pass passed patterns perform performs permit pick place play point points populate possess prefer prepare
prescribes preserve press prevent prevents produce produces promise propose provide provides publish pull push put
puts raise raises reach reached read reads receive received receives recognize recommend recreate reduce refer
referenced refers regard reject rejects relate release rely remain remains remember remove removes repeat replace
report reports represent represents request requested require required requires reset resolve resolves respond
restrict restricts result resulting results retain retrieve return returned returns run running runs satisfy save say
says search select selects send sent serve serves set sets share shares show shows sit skip solve specifies specify
spend split stand start starts state states stay stop stops store stored stores strive submit suggest supply support
supported supports suppose take takes talk target targets tell terminate test throw throws track treat trigger try
turn understand update updated updates use used user users uses using utilize validate verify violates visit wait want
wants watch work works wrap writes written

ability account administrator advantage alternative application applications area argument arguments array arrays
aspect assumption attribute attributes author authors behavior behavior-related behaviour benefit bit body bunch
capabilities capability case cases category challenge chance chapter characteristic choice choices circumstances class
classes client code collection column combination command comment comments community completion component components
concept concepts concern condition conditions configuration configurations consequence consideration constraint
constraints construct content contents context contrast conversion course creation data date deletion description
descriptions detail details developer developers development device difference differences direction document
documentation documents effect effort element elements entities entity entries entry environment equal error errors
evaluation evidence example examples existence expectation explanation expression expressions fact facts feature
features field fields figure file files flag flavor flavors forms function functionality functions goal guide
guideline idea identification implementation implementations implication importance improvement in-depth information
input inputs instance instances instruction instructions intention interest interface interfaces introduction item
items job knowledge lack language layer length library line lines logic machine manner manual material matter maximum
measure mechanism member members message messages method methods mind minimum mode modes module modules nature
notation note notes notion number numbers object objects observation observations operation operations opinion
opportunity option options output outputs overview package packages page pages pair pairs parameter parameters params
parties parts pattern people person perspective phase piece pieces plan portion position possibilities possibility
practice preference presence principle problem problems procedure process processes product program programs project
projects properties property provider purpose purposes quality quantity question questions range rate reason reasons
recommendation reference references referent relation relationship requirement requirements resource resources respect
response responsible restriction role rule rules sake sample scenario scheme scope section sections sense sequence
series server service services setting settings setup shape side signature situation situations software solution
source sources space specification specifications stage standpoint statement statements step steps string strings
structure structures style subject subset subsets success suggestion summary system systems table task tasks technique
term terminology terms text tool tools topic traffic trail type types unit usage validation value values variable
variables variant variety version versions view wish word words world

addition addr annotates applicable attach attaches binds cares codes compatible computation consists consumers contained
containers convenience corresponds custom default defaults definition dependent destination detach edge equals
evaluates extension fewer filters fulfilled generation highest hosts implications javascript kube-like lacks location
lowest marks mounts populates reflects resize resolved self skips steady successful threw tolerates undesirable unset
vary workload
""")
"""Lower-case words that are never a key term on their own."""

_PLACEHOLDER = re.compile(r"(?:KEY|NAME|VALUE|PATH|FILE|URLs?|APIs?|VAR_NAME|C_IDENTIFIER|TODO|NOTE|MUST|SHALL|SHOULD|"
                          r"MAY|NOT|REQUIRED|RECOMMENDED|OPTIONAL|ALL|ANY|AND|THE|ONLY|WARNING|IMPORTANT|EXAMPLE|i\.e|"
                          r"e\.g|(?:foo|FOO)?(?:bar|BAR)|foo|FOO|baz)(?: NOT)?\.?")
_VALUES = frozenset(("true", "false", "null", "nil", "undefined"))
_ADVERB = re.compile(r"[a-z]+ly")
_SINGLE = re.compile(r"[A-Za-z]+(?:-[a-z]+)*")
_BEFORE_A_VERB = _words("to will must can may should cannot could would might not shall")
_AFTER_A_VERB = _words("the a an this that these those its any all each it them their your")


def is_fact(term: str, text: str) -> bool:
    """Whether a term of a text can be a fact: a value, an identifier, or a word that not every text could use."""
    if _PLACEHOLDER.fullmatch(term) or not re.search(r"\w", term):
        return False
    if term.lower() in _VALUES:
        return True
    if not _SINGLE.fullmatch(term) or not (term.islower() or term.istitle()):
        return True  # a value, an identifier, or several words
    word = term.lower()
    if word in PLAIN or _ADVERB.fullmatch(word):
        return False
    return not _is_verb(term, text)


def _is_verb(term: str, text: str) -> bool:
    """Whether the word stands between a word that goes before verbs and one that goes after them."""
    words = re.findall(r"[\w'-]+", text.lower())
    found = [place for place, word in enumerate(words) if word == term.lower()]
    return bool(found) and all(0 < place < len(words) - 1 and words[place - 1] in _BEFORE_A_VERB
                               and words[place + 1] in _AFTER_A_VERB for place in found)
