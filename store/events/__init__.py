"""Event types: one frozen dataclass per event, named in the past tense, a file per subject.

Payloads hold JSON values only. A missing number is None, with a field for the reason; NaN and infinity are refused
when an event is encoded, because JSON would turn them into null. `KINDS` in `envelope.py` collects every subclass of
`Event` in these files.
"""

from __future__ import annotations

from store.events.answers import AnswerRecord, AnswerSampled, AnswersGiven, AnswersScored, ScoreRecord
from store.events.batches import (
    BatchedCall, BatchEnded, BatchPlanned, BatchProgressed, BatchSent, FailedLine, RunWaitingForBatch,
)
from store.events.comparisons import (
    AgreementRecord, ArmsCompared, CandidateRecord, ChangeRecord, CycleChosen, CycleFinished, RescoredRecord,
    TeachersCompared,
)
from store.events.control_arms import (
    ArmChangeRecord, ControlArmsCompared, CurvePoint, FoundRecord, GainShareRecord, GapRecord, LearningCurveMeasured,
    PassagesRetrieved, PlaceboTrained, PromptRecord, PromptsPrepared, ReplacementRecord, ShuffledRecord,
)
from store.events.dataset import ItemFlagged
from store.events.design import DesignSealed, SettingsChosen, SettingsRecord
from store.events.envelope import KINDS, Recorded, UnfitEvent, from_json, to_json
from store.events.event_type import Event
from store.events.exports import ExportChange, ExportScore, ExportVerified
from store.events.forecasts import ForecastRegistered, ForecastScored, PilotRecord
from store.events.judging import (
    AnswersJudgedAgain, JudgeAudited, JudgingCompared, JudgingEstimated, JudgingFinished, JudgingStarted, KindRecord,
    ProbeRecord,
)
from store.events.questions import (
    DevQuestionsSetApart, FactlessRecord, FactRecord, FactsWritten, PairRecord, QuestionRecord, QuestionsAsked,
    QuestionSetRead, QuestionsRejected, ReferenceRecord, ReferencesWritten, RefusedTextRecord, RejectedRecord,
)
from store.events.ratings_and_tags import AnswerRated, RunAnnotated, RunArchived, RunDeleted
from store.events.review import (
    AddedRecord, DraftsAskedAgain, EditedRecord, ItemChange, ItemCommented, ItemsApproved, ItemsDrafted, ItemsReviewed,
    ReviewFinished, RunWaitingForReview, WantedAgain,
)
from store.events.runs import (
    FilesStored, FlowRow, KnowledgeChanged, KnowledgeRead, PlanChosen, RunCancelled, RunFailed, RunFinished,
    RunPaused, RunPrioritised, RunRequested, RunRequeued, RunStarted,
)
from store.events.schedules import (
    ScheduleAdded, ScheduleFailed, ScheduleFired, ScheduleMissed, SchedulePaused, ScheduleRemoved, ScheduleResumed,
    ScheduleSkipped,
)
from store.events.stages import (
    CycleStarted, EndpointOptionRefused, MetricLogged, RecoveryTaken, StageFailed, StageFinished, StageProgressed,
    StageStarted,
)
from store.events.training import (
    AdapterMissing, AdapterTrained, EvaluationRecord, FormRecord, ReplayAnswered, ReplayRecord, StepChosen, StudiedFact,
    StudySetPrepared, TermCoverage,
)

__all__ = [
    "AdapterMissing", "AdapterTrained", "AddedRecord", "AgreementRecord", "AnswerRated", "AnswerRecord",
    "AnswerSampled", "AnswersGiven",
    "AnswersJudgedAgain", "AnswersScored", "ArmChangeRecord", "ArmsCompared", "BatchEnded", "BatchPlanned",
    "BatchProgressed", "BatchSent", "BatchedCall", "CandidateRecord", "ChangeRecord", "ControlArmsCompared",
    "CurvePoint", "CycleChosen", "CycleFinished", "CycleStarted", "DesignSealed", "DevQuestionsSetApart",
    "DraftsAskedAgain", "EditedRecord", "EndpointOptionRefused", "EvaluationRecord", "Event", "ExportChange",
    "ExportScore", "ExportVerified", "FactRecord", "FactlessRecord", "FactsWritten", "FailedLine", "FilesStored",
    "FlowRow",
    "ForecastRegistered", "ForecastScored", "FormRecord", "FoundRecord", "GainShareRecord", "GapRecord",
    "ItemChange", "ItemCommented", "ItemFlagged", "ItemsApproved", "ItemsDrafted", "ItemsReviewed", "JudgeAudited",
    "JudgingCompared", "JudgingEstimated", "JudgingFinished", "JudgingStarted", "KINDS", "KindRecord",
    "KnowledgeChanged", "KnowledgeRead", "LearningCurveMeasured", "MetricLogged", "PairRecord", "PassagesRetrieved",
    "PilotRecord", "PlaceboTrained", "PlanChosen", "ProbeRecord", "PromptRecord", "PromptsPrepared",
    "QuestionRecord", "QuestionSetRead", "QuestionsAsked", "QuestionsRejected", "Recorded", "RecoveryTaken",
    "ReferenceRecord", "ReferencesWritten", "RefusedTextRecord", "RejectedRecord", "ReplacementRecord",
    "ReplayAnswered", "ReplayRecord", "RescoredRecord", "ReviewFinished", "RunAnnotated", "RunArchived",
    "RunCancelled", "RunDeleted", "RunFailed", "RunFinished", "RunPaused", "RunPrioritised", "RunRequested",
    "RunRequeued", "RunStarted", "RunWaitingForBatch", "RunWaitingForReview", "ScheduleAdded", "ScheduleFailed",
    "ScheduleFired", "ScheduleMissed", "SchedulePaused", "ScheduleRemoved", "ScheduleResumed", "ScheduleSkipped",
    "ScoreRecord", "SettingsChosen", "SettingsRecord", "ShuffledRecord", "StageFailed", "StageFinished",
    "StageProgressed", "StageStarted", "StepChosen", "StudiedFact", "StudySetPrepared", "TeachersCompared",
    "TermCoverage", "UnfitEvent", "WantedAgain", "from_json", "to_json",
]
