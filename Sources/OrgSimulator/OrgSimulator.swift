// OrgSimulator
