"""What patterns cannot find is left to presidio-analyzer, a library for personal data that others maintain.

It is optional: it needs a language model to find names, and is some hundred times slower than the patterns.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rollout.privacy.detector import Span
from rollout.privacy.errors import PrivacyError


class Presidio:
    """Microsoft's presidio-analyzer, for what needs a language model or a country's rules: names, places, tax ids.

    Nothing is ever downloaded. Without a model it runs its pattern recognisers alone; with the name or folder of an
    installed spaCy model it finds people and places too. What `Patterns` finds it is not asked for, nor addresses of
    the web and dates, which are what sessions are about. It reads some tens of kilobytes a second.

    Args:
        model: a spaCy model that is installed.
        language: of the sessions.
        score: what it is less sure of is left. Below 0.5 any ten digits are a phone number.

    Raises:
        PrivacyError: the library or the model is not installed.
    """

    LEFT = frozenset(
        {"EMAIL_ADDRESS", "URL", "DATE_TIME", "UUID", "IP_ADDRESS", "MAC_ADDRESS", "CREDIT_CARD", "IBAN_CODE"}
    )

    def __init__(self, model: str | None = None, language: str = "en", score: float = 0.5):
        try:
            import spacy
            from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
            from presidio_analyzer.nlp_engine import SpacyNlpEngine
        except ImportError:
            raise PrivacyError(
                "presidio-analyzer is not installed; run: pip install 'dreaming-simulator[privacy]'"
            ) from None
        if model is not None and not spacy.util.is_package(model) and not Path(model).exists():
            raise PrivacyError(f"the spaCy model {model!r} is not installed; run: python -m spacy download {model}")

        class Installed(SpacyNlpEngine):  # theirs would download
            def load(self) -> None:
                self.nlp = {language: spacy.load(model) if model else spacy.blank(language)}

        engine = Installed(models=[{"lang_code": language, "model_name": model or "blank"}])
        engine.load()
        registry = RecognizerRegistry(supported_languages=[language])
        registry.load_predefined_recognizers(languages=[language], nlp_engine=engine if model else None)
        self.language, self.score = language, score
        self.analyzer: Any = AnalyzerEngine(
            registry=registry, nlp_engine=engine, supported_languages=[language], default_score_threshold=score
        )
        self.entities = sorted(set(self.analyzer.get_supported_entities(language)) - self.LEFT)

    def find(self, text: str) -> Iterator[Span]:
        for each in self.analyzer.analyze(text, self.language, entities=self.entities):
            yield Span(each.start, each.end, each.entity_type)
