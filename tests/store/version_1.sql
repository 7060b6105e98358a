BEGIN TRANSACTION;
CREATE TABLE answers (
	run VARCHAR NOT NULL, 
	cycle INTEGER NOT NULL, 
	arm VARCHAR NOT NULL, 
	question VARCHAR NOT NULL, 
	text TEXT, 
	missing VARCHAR, 
	tokens INTEGER NOT NULL, 
	seconds FLOAT NOT NULL, 
	cut_off BOOLEAN NOT NULL, 
	PRIMARY KEY (run, cycle, arm, question)
);
INSERT INTO "answers" VALUES('20261125-074312-ed09692c',1,'baseline','q1','text',NULL,3,0.5,0);
INSERT INTO "answers" VALUES('20261125-074312-ed09692c',1,'baseline','q2',NULL,'empty',0,0.1,1);
CREATE TABLE changes (
	run VARCHAR NOT NULL, 
	cycle INTEGER NOT NULL, 
	tier VARCHAR NOT NULL, 
	metric VARCHAR NOT NULL, 
	topic VARCHAR NOT NULL, 
	baseline FLOAT, 
	tuned FLOAT, 
	change FLOAT, 
	low FLOAT, 
	high FLOAT, 
	scored INTEGER NOT NULL, 
	asked INTEGER NOT NULL, 
	wins INTEGER NOT NULL, 
	ties INTEGER NOT NULL, 
	losses INTEGER NOT NULL, 
	p_value FLOAT, 
	verdict VARCHAR NOT NULL, 
	PRIMARY KEY (run, cycle, tier, metric, topic)
);
INSERT INTO "changes" VALUES('20261125-074312-ed09692c',1,'held-out','answer_similarity','',0.5,0.6,0.1,-0.1,0.3,6,6,3,2,1,0.6,'no evidence');
CREATE TABLE claims (
	run VARCHAR NOT NULL, 
	owner VARCHAR, 
	fence INTEGER NOT NULL, 
	attempt INTEGER NOT NULL, 
	expires_at FLOAT, 
	head_seq INTEGER NOT NULL, 
	stop_requested VARCHAR, 
	PRIMARY KEY (run)
);
INSERT INTO "claims" VALUES('20261125-074312-ed09692c',NULL,1,1,NULL,22,NULL);
INSERT INTO "claims" VALUES('20261125-074312-09a511e1',NULL,0,0,NULL,1,NULL);
CREATE TABLE commands (
	id INTEGER NOT NULL, 
	token VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	run VARCHAR, 
	at VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (token)
);
INSERT INTO "commands" VALUES(1,'first token','launch','20261125-074312-ed09692c','2026-11-25T07:43:12.633734Z');
INSERT INTO "commands" VALUES(2,'second token','launch','20261125-074312-09a511e1','2026-11-25T07:43:12.677987Z');
CREATE TABLE cycles (
	run VARCHAR NOT NULL, 
	cycle INTEGER NOT NULL, 
	work VARCHAR NOT NULL, 
	verdict VARCHAR, 
	sentence TEXT, 
	adapter VARCHAR, 
	adapter_sha256 VARCHAR, 
	training TEXT, 
	training_seconds FLOAT, 
	started_at VARCHAR NOT NULL, 
	ended_at VARCHAR, 
	seconds FLOAT, 
	PRIMARY KEY (run, cycle)
);
INSERT INTO "cycles" VALUES('20261125-074312-ed09692c',1,'finished','no evidence','No evidence.','cycle-01/adapter','cc','{"adapter": "cycle-01/adapter", "continued_from": null, "first_loss": 1.0, "last_loss": 0.33, "matched_modules": ["q x 1"], "seconds": 2.0, "sha256": "cc", "steps": 3, "tokens": 30, "trainable_parameters": 7, "unmatched_targets": []}',2.0,'2026-11-25T07:43:12.649981Z','2026-11-25T07:43:12.673125Z',9.0);
CREATE TABLE events (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	run VARCHAR NOT NULL, 
	seq INTEGER NOT NULL, 
	cycle INTEGER, 
	stage VARCHAR, 
	kind VARCHAR NOT NULL, 
	at VARCHAR NOT NULL, 
	payload TEXT NOT NULL, 
	UNIQUE (run, seq)
);
INSERT INTO "events" VALUES(1,'20261125-074312-ed09692c',1,NULL,NULL,'RunRequested','2026-11-25T07:43:12.634983Z','{"config":{"preset":"embedded","teacher":"knowledge-base","teacher_base_url":null,"student":"embedded","precision":"auto","max_cost_usd":null,"knowledge":"kubernetes-1.28","knowledge_name":"","topics":["pods"],"questions":2,"cycles":1,"held_out":6,"held_out_set":"","paraphrases":0,"new_topics":[],"new_topic_questions":0,"fine_tune":true,"steps":100,"learning_rate":0.0002,"batch_size":4,"gradient_accumulation":1,"gradient_checkpointing":true,"lora_rank":16,"lora_alpha":32,"lora_dropout":0.05,"target_modules":["q_proj","k_proj","v_proj","o_proj","gate_proj","up_proj","down_proj"],"adapter":"continue","max_sequence_tokens":512,"max_new_tokens":96,"temperature":0.0,"top_p":0.95,"top_k":50,"repetition_penalty":1.1,"max_answer_seconds":300.0,"gpu_memory_cap_gb":null,"seed":42,"headline":"choice_accuracy","name":""},"requested_by":"command line","priority":0}');
INSERT INTO "events" VALUES(2,'20261125-074312-ed09692c',2,NULL,NULL,'RunStarted','2026-11-25T07:43:12.639968Z','{"owner":"a-host:1:1","attempt":1,"versions":{"python":"3.11.2"},"flow":[{"stage":"baseline","phase":"every cycle","doer":"student","title":"Untrained answers"}]}');
INSERT INTO "events" VALUES(3,'20261125-074312-ed09692c',3,NULL,NULL,'KnowledgeRead','2026-11-25T07:43:12.642602Z','{"domain":"Kubernetes v1.28","knowledge_hash":"abc","passages":1676}');
INSERT INTO "events" VALUES(4,'20261125-074312-ed09692c',4,NULL,NULL,'PlanChosen','2026-11-25T07:43:12.645080Z','{"device":"cpu","precision":"bf16","batch_size":4,"threads":2,"reason":"no GPU","student":"SmolLM2","parameters":135000000}');
INSERT INTO "events" VALUES(5,'20261125-074312-ed09692c',5,0,'held-out','QuestionsAsked','2026-11-25T07:43:12.646620Z','{"teacher":"offline","questions":[{"question_id":"h1","tier":"held-out","topic":"pods","text":"What is h1?","passage_id":"p1","title":"Pods","passage":"A pod is a group.","address":"https://kubernetes.io/docs","evidence":"A pod","key_terms":["pod"]}],"wanted":1,"set_hash":"set hash"}');
INSERT INTO "events" VALUES(6,'20261125-074312-ed09692c',6,0,'held-out','StageFinished','2026-11-25T07:43:12.646672Z','{"seconds":1.0,"path":"cycle-00/held-out.json","size_bytes":10,"sha256":"aa","inputs_sha256":"bb","adopted":false}');
INSERT INTO "events" VALUES(7,'20261125-074312-ed09692c',7,1,NULL,'CycleStarted','2026-11-25T07:43:12.649981Z','{}');
INSERT INTO "events" VALUES(8,'20261125-074312-ed09692c',8,1,'questions','StageStarted','2026-11-25T07:43:12.651781Z','{"doer":"teacher"}');
INSERT INTO "events" VALUES(9,'20261125-074312-ed09692c',9,1,'questions','QuestionsAsked','2026-11-25T07:43:12.654174Z','{"teacher":"offline","questions":[{"question_id":"q1","tier":"practice","topic":"pods","text":"What is q1?","passage_id":"p1","title":"Pods","passage":"A pod is a group.","address":"https://kubernetes.io/docs","evidence":"A pod","key_terms":["pod"]},{"question_id":"q2","tier":"practice","topic":"pods","text":"What is q2?","passage_id":"p1","title":"Pods","passage":"A pod is a group.","address":"https://kubernetes.io/docs","evidence":"A pod","key_terms":["pod"]}],"wanted":2,"set_hash":"set hash 2"}');
INSERT INTO "events" VALUES(10,'20261125-074312-ed09692c',10,1,'questions','StageFinished','2026-11-25T07:43:12.654233Z','{"seconds":1.0,"path":"cycle-01/questions.json","size_bytes":10,"sha256":"aa","inputs_sha256":"bb","adopted":false}');
INSERT INTO "events" VALUES(11,'20261125-074312-ed09692c',11,1,'references','ReferencesWritten','2026-11-25T07:43:12.656360Z','{"teacher":"offline","references":[{"question_id":"q1","text":"A group.","missing":null,"evidence":"A pod","foils":["x","y","z"],"foil_rules":["a","b","c"]},{"question_id":"q2","text":null,"missing":"empty","evidence":"","foils":[],"foil_rules":[]}]}');
INSERT INTO "events" VALUES(12,'20261125-074312-ed09692c',12,1,'baseline','AnswersGiven','2026-11-25T07:43:12.658263Z','{"arm":"baseline","answers":[{"question_id":"q1","text":"text","missing":null,"tokens":3,"seconds":0.5,"cut_off":false},{"question_id":"q2","text":null,"missing":"empty","tokens":0,"seconds":0.1,"cut_off":true}]}');
INSERT INTO "events" VALUES(13,'20261125-074312-ed09692c',13,1,'baseline','StageFinished','2026-11-25T07:43:12.658313Z','{"seconds":1.5,"path":"cycle-01/baseline.json","size_bytes":10,"sha256":"aa","inputs_sha256":"bb","adopted":false}');
INSERT INTO "events" VALUES(14,'20261125-074312-ed09692c',14,1,'baseline-evaluation','AnswersScored','2026-11-25T07:43:12.660873Z','{"arm":"baseline","judge":"similarity","scores":[{"question_id":"q1","metric":"answer_similarity","value":0.5,"missing":null},{"question_id":"q2","metric":"answer_similarity","value":null,"missing":"no answer"}]}');
INSERT INTO "events" VALUES(15,'20261125-074312-ed09692c',15,1,'fine-tune','StageProgressed','2026-11-25T07:43:12.662897Z','{"done":1,"total":2,"unit":"steps","detail":"loss 1.0"}');
INSERT INTO "events" VALUES(16,'20261125-074312-ed09692c',16,1,'fine-tune','MetricLogged','2026-11-25T07:43:12.664496Z','{"key":"loss","step":0,"value":1.0,"unit":""}');
INSERT INTO "events" VALUES(17,'20261125-074312-ed09692c',17,1,'fine-tune','MetricLogged','2026-11-25T07:43:12.666440Z','{"key":"loss","step":1,"value":0.5,"unit":""}');
INSERT INTO "events" VALUES(18,'20261125-074312-ed09692c',18,1,'fine-tune','MetricLogged','2026-11-25T07:43:12.667842Z','{"key":"loss","step":2,"value":0.3333333333333333,"unit":""}');
INSERT INTO "events" VALUES(19,'20261125-074312-ed09692c',19,1,'fine-tune','AdapterTrained','2026-11-25T07:43:12.669187Z','{"adapter":"cycle-01/adapter","sha256":"cc","continued_from":null,"steps":3,"seconds":2.0,"tokens":30,"first_loss":1.0,"last_loss":0.33,"trainable_parameters":7,"matched_modules":["q x 1"],"unmatched_targets":[]}');
INSERT INTO "events" VALUES(20,'20261125-074312-ed09692c',20,1,'comparison','ArmsCompared','2026-11-25T07:43:12.670978Z','{"changes":[{"tier":"held-out","metric":"answer_similarity","topic":"","baseline":0.5,"tuned":0.6,"change":0.1,"low":-0.1,"high":0.3,"scored":6,"asked":6,"wins":3,"ties":2,"losses":1,"p_value":0.6,"verdict":"no evidence"}],"verdict":"no evidence","sentence":"No evidence."}');
INSERT INTO "events" VALUES(21,'20261125-074312-ed09692c',21,1,'comparison','CycleFinished','2026-11-25T07:43:12.673125Z','{"work":"finished","verdict":"no evidence","sentence":"No evidence.","adapter":"cycle-01/adapter","training_seconds":2.0,"seconds":9.0}');
INSERT INTO "events" VALUES(22,'20261125-074312-ed09692c',22,NULL,NULL,'RunFinished','2026-11-25T07:43:12.674769Z','{"verdict":"no evidence","sentence":"No evidence.","seconds":12.0}');
INSERT INTO "events" VALUES(23,'20261125-074312-09a511e1',1,NULL,NULL,'RunRequested','2026-11-25T07:43:12.678510Z','{"config":{"preset":"embedded","teacher":"knowledge-base","teacher_base_url":null,"student":"embedded","precision":"auto","max_cost_usd":null,"knowledge":"kubernetes-1.28","knowledge_name":"","topics":["pods","deployments","statefulsets","daemonsets","jobs","services","ingress","network-policies","configmaps","secrets","volumes","persistent-volumes","namespaces","rbac","service-accounts","scheduling","autoscaling","probes","resources","cluster-architecture"],"questions":12,"cycles":1,"held_out":12,"held_out_set":"","paraphrases":0,"new_topics":[],"new_topic_questions":0,"fine_tune":true,"steps":100,"learning_rate":0.0002,"batch_size":4,"gradient_accumulation":1,"gradient_checkpointing":true,"lora_rank":16,"lora_alpha":32,"lora_dropout":0.05,"target_modules":["q_proj","k_proj","v_proj","o_proj","gate_proj","up_proj","down_proj"],"adapter":"continue","max_sequence_tokens":512,"max_new_tokens":96,"temperature":0.0,"top_p":0.95,"top_k":50,"repetition_penalty":1.1,"max_answer_seconds":300.0,"gpu_memory_cap_gb":null,"seed":42,"headline":"choice_accuracy","name":""},"requested_by":"dashboard","priority":0}');
CREATE TABLE metrics (
	run VARCHAR NOT NULL, 
	"key" VARCHAR NOT NULL, 
	cycle INTEGER NOT NULL, 
	stage VARCHAR NOT NULL, 
	step INTEGER NOT NULL, 
	value FLOAT, 
	unit VARCHAR NOT NULL, 
	at VARCHAR NOT NULL, 
	PRIMARY KEY (run, "key", cycle, stage, step)
);
INSERT INTO "metrics" VALUES('20261125-074312-ed09692c','loss',1,'fine-tune',0,1.0,'','2026-11-25T07:43:12.664496Z');
INSERT INTO "metrics" VALUES('20261125-074312-ed09692c','loss',1,'fine-tune',1,0.5,'','2026-11-25T07:43:12.666440Z');
INSERT INTO "metrics" VALUES('20261125-074312-ed09692c','loss',1,'fine-tune',2,3.33333333333333314829e-01,'','2026-11-25T07:43:12.667842Z');
CREATE TABLE questions (
	run VARCHAR NOT NULL, 
	cycle INTEGER NOT NULL, 
	question VARCHAR NOT NULL, 
	tier VARCHAR NOT NULL, 
	topic VARCHAR NOT NULL, 
	text TEXT NOT NULL, 
	passage TEXT NOT NULL, 
	passage_id VARCHAR NOT NULL, 
	title VARCHAR NOT NULL, 
	address VARCHAR NOT NULL, 
	evidence TEXT NOT NULL, 
	reference TEXT, 
	reference_missing VARCHAR, 
	foils TEXT, 
	PRIMARY KEY (run, cycle, question)
);
INSERT INTO "questions" VALUES('20261125-074312-ed09692c',0,'h1','held-out','pods','What is h1?','A pod is a group.','p1','Pods','https://kubernetes.io/docs','A pod',NULL,NULL,NULL);
INSERT INTO "questions" VALUES('20261125-074312-ed09692c',1,'q1','practice','pods','What is q1?','A pod is a group.','p1','Pods','https://kubernetes.io/docs','A pod','A group.',NULL,'[["a", "x"], ["b", "y"], ["c", "z"]]');
INSERT INTO "questions" VALUES('20261125-074312-ed09692c',1,'q2','practice','pods','What is q2?','A pod is a group.','p1','Pods','https://kubernetes.io/docs','',NULL,'empty','[]');
CREATE TABLE runners (
	owner VARCHAR NOT NULL, 
	host VARCHAR NOT NULL, 
	pid INTEGER NOT NULL, 
	started_at VARCHAR NOT NULL, 
	beat_at FLOAT NOT NULL, 
	next_beat_by FLOAT NOT NULL, 
	stopped BOOLEAN NOT NULL, 
	PRIMARY KEY (owner)
);
CREATE TABLE runs (
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	config TEXT NOT NULL, 
	requested_by VARCHAR NOT NULL, 
	requested_at VARCHAR NOT NULL, 
	priority INTEGER NOT NULL, 
	work VARCHAR NOT NULL, 
	verdict VARCHAR, 
	sentence TEXT, 
	started_at VARCHAR, 
	ended_at VARCHAR, 
	attempts INTEGER NOT NULL, 
	cycle INTEGER, 
	stage VARCHAR, 
	done INTEGER, 
	total INTEGER, 
	unit VARCHAR, 
	detail VARCHAR, 
	flow TEXT, 
	"plan" TEXT, 
	knowledge_hash VARCHAR, 
	held_out_hash VARCHAR, 
	error_kind VARCHAR, 
	error TEXT, 
	advice TEXT, 
	trace TEXT, 
	last_event_id INTEGER NOT NULL, 
	last_event_at VARCHAR, 
	PRIMARY KEY (id)
);
INSERT INTO "runs" VALUES('20261125-074312-ed09692c','','{"adapter": "continue", "batch_size": 4, "cycles": 1, "fine_tune": true, "gpu_memory_cap_gb": null, "gradient_accumulation": 1, "gradient_checkpointing": true, "headline": "choice_accuracy", "held_out": 6, "held_out_set": "", "knowledge": "kubernetes-1.28", "knowledge_name": "", "learning_rate": 0.0002, "lora_alpha": 32, "lora_dropout": 0.05, "lora_rank": 16, "max_answer_seconds": 300.0, "max_cost_usd": null, "max_new_tokens": 96, "max_sequence_tokens": 512, "name": "", "new_topic_questions": 0, "new_topics": [], "paraphrases": 0, "precision": "auto", "preset": "embedded", "questions": 2, "repetition_penalty": 1.1, "seed": 42, "steps": 100, "student": "embedded", "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"], "teacher": "knowledge-base", "teacher_base_url": null, "temperature": 0.0, "top_k": 50, "top_p": 0.95, "topics": ["pods"]}','command line','2026-11-25T07:43:12.634983Z',0,'finished','no evidence','No evidence.','2026-11-25T07:43:12.639968Z','2026-11-25T07:43:12.674769Z',1,1,'questions',1,2,'steps','loss 1.0','[{"stage": "baseline", "phase": "every cycle", "doer": "student", "title": "Untrained answers"}]','{"batch_size": 4, "device": "cpu", "parameters": 135000000, "precision": "bf16", "reason": "no GPU", "student": "SmolLM2", "threads": 2}','abc','set hash',NULL,NULL,NULL,NULL,22,'2026-11-25T07:43:12.674769Z');
INSERT INTO "runs" VALUES('20261125-074312-09a511e1','','{"adapter": "continue", "batch_size": 4, "cycles": 1, "fine_tune": true, "gpu_memory_cap_gb": null, "gradient_accumulation": 1, "gradient_checkpointing": true, "headline": "choice_accuracy", "held_out": 12, "held_out_set": "", "knowledge": "kubernetes-1.28", "knowledge_name": "", "learning_rate": 0.0002, "lora_alpha": 32, "lora_dropout": 0.05, "lora_rank": 16, "max_answer_seconds": 300.0, "max_cost_usd": null, "max_new_tokens": 96, "max_sequence_tokens": 512, "name": "", "new_topic_questions": 0, "new_topics": [], "paraphrases": 0, "precision": "auto", "preset": "embedded", "questions": 12, "repetition_penalty": 1.1, "seed": 42, "steps": 100, "student": "embedded", "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"], "teacher": "knowledge-base", "teacher_base_url": null, "temperature": 0.0, "top_k": 50, "top_p": 0.95, "topics": ["pods", "deployments", "statefulsets", "daemonsets", "jobs", "services", "ingress", "network-policies", "configmaps", "secrets", "volumes", "persistent-volumes", "namespaces", "rbac", "service-accounts", "scheduling", "autoscaling", "probes", "resources", "cluster-architecture"]}','dashboard','2026-11-25T07:43:12.678510Z',0,'queued',NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,23,'2026-11-25T07:43:12.678510Z');
CREATE TABLE schema_version (
	version INTEGER NOT NULL, 
	at VARCHAR, 
	PRIMARY KEY (version)
);
INSERT INTO "schema_version" VALUES(1,'2026-11-25T07:43:12.631086Z');
CREATE TABLE scores (
	run VARCHAR NOT NULL, 
	cycle INTEGER NOT NULL, 
	arm VARCHAR NOT NULL, 
	question VARCHAR NOT NULL, 
	metric VARCHAR NOT NULL, 
	judge VARCHAR NOT NULL, 
	value FLOAT, 
	missing VARCHAR, 
	PRIMARY KEY (run, cycle, arm, question, metric, judge)
);
INSERT INTO "scores" VALUES('20261125-074312-ed09692c',1,'baseline','q1','answer_similarity','similarity',0.5,NULL);
INSERT INTO "scores" VALUES('20261125-074312-ed09692c',1,'baseline','q2','answer_similarity','similarity',NULL,'no answer');
CREATE TABLE stages (
	run VARCHAR NOT NULL, 
	cycle INTEGER NOT NULL, 
	stage VARCHAR NOT NULL, 
	doer VARCHAR NOT NULL, 
	work VARCHAR NOT NULL, 
	started_at VARCHAR NOT NULL, 
	ended_at VARCHAR, 
	seconds FLOAT, 
	path VARCHAR, 
	sha256 VARCHAR, 
	inputs_sha256 VARCHAR, 
	size_bytes INTEGER, 
	error TEXT, 
	PRIMARY KEY (run, cycle, stage)
);
INSERT INTO "stages" VALUES('20261125-074312-ed09692c',1,'questions','teacher','finished','2026-11-25T07:43:12.651781Z','2026-11-25T07:43:12.654233Z',1.0,'cycle-01/questions.json','aa','bb',10,NULL);
CREATE TABLE teacher_calls (
	"key" VARCHAR NOT NULL, 
	run VARCHAR NOT NULL, 
	model VARCHAR NOT NULL, 
	purpose VARCHAR NOT NULL, 
	response TEXT NOT NULL, 
	prompt_tokens INTEGER, 
	completion_tokens INTEGER, 
	at VARCHAR NOT NULL, 
	PRIMARY KEY ("key")
);
CREATE INDEX runs_by_state ON runs (work, priority, requested_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',23);
COMMIT;
